import { type Command, Option } from "commander";
import { z } from "zod";
import type { DeclaredOption } from "../core/job/job-options.ts";
import { parseFlag, parseInteger } from "./option-values.ts";

/** Adds options that are declared for every way into the bridge. */
export function addDeclared(command: Command, declared: Readonly<Record<string, DeclaredOption>>): Command {
  for (const each of Object.values(declared)) command.addOption(optionOf(each));
  return command;
}

/** Their values under their own names, out of what commander found: there they are called as their flags. */
export function declaredValues(declared: Readonly<Record<string, DeclaredOption>>, raw: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(declared).map(([name, each]) => [name, raw[optionOf(each).attributeName()]]));
}

function optionOf({ schema, flag, help, default: usual }: DeclaredOption): Option {
  const option = new Option(flag, help);
  if (schema instanceof z.ZodEnum) option.choices(schema.options.map(String));
  else if (schema instanceof z.ZodNumber) option.argParser(parseInteger);
  else if (schema instanceof z.ZodBoolean && flag.includes("<")) option.argParser(parseFlag);
  return usual === undefined || usual === false ? option : option.default(usual);
}
