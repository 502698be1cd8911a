import type { Clock } from "./time/clock.ts";

/** Fields first, then a constant sentence. Text from peers is only logged at `debug`, as a field. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

const LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LEVELS)[number];

/** One JSON object per line to `write`, from `level` upward. */
export function jsonLog(clock: Pick<Clock, "now">, write: (line: string) => void, level: LogLevel = "info"): Log {
  const from = LEVELS.indexOf(level);
  const at = (name: LogLevel) => (fields: object, message: string) => {
    if (LEVELS.indexOf(name) < from) return;
    write(JSON.stringify({ level: name, at: new Date(clock.now()).toISOString(), message: message, ...plain(fields) }));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function plain(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? { name: value.name, message: value.message } : value]),
  );
}
