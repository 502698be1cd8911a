import { type Command, Option } from "commander";
import type { DeclaredOption } from "../core/job/job-options.ts";
import { integerBetween, parseFlag, textUpTo } from "./option-values.ts";

/** Adds declared job options to a command. */
export function addDeclared(command: Command, declared: Readonly<Record<string, DeclaredOption>>): Command {
  for (const each of Object.values(declared)) command.addOption(optionOf(each));
  return command;
}

/** Their values under their declared names, from commander's values, which are named by flag. */
export function declaredValues(declared: Readonly<Record<string, DeclaredOption>>, raw: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.entries(declared).map(([name, each]) => [name, raw[optionOf(each).attributeName()]]));
}

function optionOf({ value, flag, help, joinedBy, default: usual }: DeclaredOption): Option {
  const option = new Option(flag, help);
  if (value.kind === "choice") option.choices(value.of);
  else if (value.kind === "integer") option.argParser(integerBetween(value.min, value.max));
  else if (value.kind === "text") option.argParser(textReader(value.maxChars, joinedBy));
  else if (value.kind === "boolean" && flag.includes("<")) option.argParser(parseFlag);
  return usual === undefined ? option : option.default(usual);
}

function textReader(maxChars: number, joinedBy: string | undefined): (text: string, before: string | undefined) => string {
  const read = textUpTo(maxChars);
  return (text, before) => (joinedBy === undefined || before === undefined ? read(text) : read(`${before}${joinedBy}${read(text)}`));
}
