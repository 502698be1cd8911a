import type { WallClock } from "../core/terms/schedule.ts";

/** This machine's local time. */
export const machineWallClock: WallClock = (nowMs) => {
  const date = new Date(nowMs);
  return { weekday: date.getDay(), minute: date.getHours() * 60 + date.getMinutes() };
};
