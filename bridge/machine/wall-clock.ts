import type { WallClock } from "../core/terms/schedule.ts";

/** The clock on the wall where this machine stands, by its time zone. */
export const machineWallClock: WallClock = (nowMs) => {
  const date = new Date(nowMs);
  return { weekday: date.getDay(), minute: date.getHours() * 60 + date.getMinutes() };
};
