import { stripVTControlCharacters, styleText } from "node:util";
import type { Clock } from "../kernel/time/clock.ts";

/** The output of commands; tests pass a recording one. */
export interface Terminal {
  readonly isLive: boolean;
  readonly columns: number;
  line(text: string): void;
  error(text: string): void;
  json(value: object): void;
}

export function processTerminal(clock: Clock, options: { readonly json: boolean }): Terminal {
  return {
    isLive: !options.json && process.stdout.isTTY === true && process.env["CI"] === undefined && process.env["TERM"] !== "dumb",
    columns: process.stdout.columns ?? 100,
    line: (text) => {
      process.stdout.write(`${options.json ? stripVTControlCharacters(text) : text}\n`);
    },
    error: (text) => {
      process.stderr.write(`${text}\n`);
    },
    json: (value) => {
      process.stdout.write(`${JSON.stringify({ at: new Date(clock.now()).toISOString(), ...value })}\n`);
    },
  };
}

type Style = Parameters<typeof styleText>[0];

/** Colours only if the stream supports them (NO_COLOR and pipes are respected). */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
