import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { ChunkPlace, JobStats, RawImage, StoppedBy } from "../core/job/job-events.ts";
import { Rect } from "../core/job/scene-facts.ts";
import { MissingFrame } from "../core/ledger/ledger.ts";
import { ErrorBody, EVENT_SCHEMAS, JobReport, JobSummary, WireEvent } from "../gateway/wire/job-messages.ts";
import { JobSubmission } from "../gateway/wire/job-submission.ts";
import {
  BridgeFrame,
  DoctorFinding,
  LocalBuild,
  METHODS,
  OfferedBuild,
  PeerSummary,
  SceneCheck,
  SceneFinding,
  SwarmStatus,
  ThisComputer,
} from "../gateway/wire/messages.ts";

export const TARGET = fileURLToPath(new URL("../../blender-addon/p2p_render/bridge/wire/generated.py", import.meta.url));

/** Shapes used by several messages, with one class each. */
const NAMED = new Map<z.ZodType, string>([
  [ErrorBody, "ErrorBody"],
  [Rect, "Rect"],
  [ChunkPlace, "Place"],
  [RawImage, "RawImage"],
  [MissingFrame, "MissingFrame"],
  [StoppedBy, "StoppedBy"],
  [JobStats, "JobStats"],
  [JobSummary, "JobSummary"],
  [JobReport, "JobReport"],
  [SwarmStatus, "SwarmStatus"],
  [ThisComputer, "ThisComputer"],
  [LocalBuild, "LocalBuild"],
  [OfferedBuild, "OfferedBuild"],
  [PeerSummary, "PeerSummary"],
  [SceneFinding, "SceneFinding"],
  [DoctorFinding, "DoctorFinding"],
  [SceneCheck, "SceneCheck"],
]);

/** Class names of the bridge's messages, and of results of methods without a named schema. */
const FRAME_NAMES: Readonly<Record<string, string>> = { event: "JobEvent", swarm: "SwarmChanged" };
const RESULT_NAMES: Readonly<Record<string, string>> = {
  "jobs.submit": "SubmittedJob",
  "jobs.list": "JobList",
  "jobs.raw": "RawImages",
  "bridge.doctor": "DoctorReport",
  "files.put": "Upload",
  "files.done": "Uploaded",
  "files.get": "Download",
};

/** Longer enums grow with each version: the client accepts any string. */
const MOST_LITERALS = 12;

/** The Python classes of all messages of the bridge, and of a job's options, as imported by the add-on. */
export function addonMessages(): string {
  const python = new Python();
  const frames = BridgeFrame.options.map((frame) => {
    const type = String(frame.shape.type.value);
    return [type, python.define(frame, FRAME_NAMES[type] ?? pascal(type), ["type"])];
  });
  const events = EVENT_SCHEMAS.map((event) => {
    const name = pascal(event.shape.event.value);
    return [event.shape.event.value, python.define(event, [...NAMED.values()].includes(name) ? `${name}Event` : name, ["event"])];
  });
  const results = Object.entries(METHODS).flatMap(([method, { result }]) => {
    const isEmpty = result instanceof z.ZodObject && Object.keys(result.shape).length === 0;
    return isEmpty ? [] : [[method, python.typeOf(result, RESULT_NAMES[method] ?? pascal(method))]];
  });
  python.defineParams(JobSubmission, "JobSubmission");
  return [
    "# SPDX-License-Identifier: GPL-2.0-or-later",
    '"""Made by `npm run messages` of the bridge\'s schemas (bridge/gateway/wire/): change those, not this."""',
    "",
    "from dataclasses import dataclass",
    "from typing import Annotated, Any, Literal, TypedDict",
    "",
    "from .decoding import AtLeast",
    "",
    "Count = Annotated[int, AtLeast(0)]",
    "Positive = Annotated[int, AtLeast(1)]",
    ...python.classes,
    "",
    "",
    ...table("FRAMES", frames),
    "",
    ...table("EVENTS", events),
    "",
    ...table("RESULTS", results),
    "",
  ].join("\n");
}

/** Collects classes in order of dependency. */
class Python {
  readonly classes: string[] = [];
  readonly #defined = new Set<string>();

  /** Emits an object schema as a frozen dataclass, without constant fields; returns its name. */
  define(schema: z.ZodType, name: string, without: readonly string[] = []): string {
    if (this.#defined.has(name)) return name;
    this.#defined.add(name);
    const fields = Object.entries(shapeOf(schema)).filter(([key]) => !without.includes(key));
    const required = fields.filter(([, field]) => !mayLack(field));
    const optional = fields.filter(([, field]) => mayLack(field));
    const lines = [
      ...required.map(([key, field]) => `    ${snake(key)}: ${this.typeOf(field, `${name}${pascal(key)}`)}`),
      ...optional.map(([key, field]) => `    ${snake(key)}: ${orNone(this.typeOf(field, `${name}${pascal(key)}`))} = None`),
    ];
    this.classes.push("", "", "@dataclass(frozen=True)", `class ${name}:`, ...lines);
    return name;
  }

  /** Messages of the client keep JSON's names, and may omit fields with defaults. */
  defineParams(schema: z.ZodType, name: string): void {
    const lines = Object.entries(shapeOf(schema)).map(
      ([key, field]) => `    ${key}: ${this.typeOf(field, `${name}${pascal(key)}`, "list")}`,
    );
    this.classes.push("", "", `class ${name}(TypedDict, total=False):`, ...lines);
  }

  typeOf(schema: z.ZodType, name: string, list: "tuple" | "list" = "tuple"): string {
    const known = NAMED.get(schema);
    if (known !== undefined) return this.define(schema, known);
    if (schema === (WireEvent as z.ZodType)) return "Any";
    const inner = wrapped(schema);
    if (inner) return schema instanceof z.ZodNullable ? orNone(this.typeOf(inner, name, list)) : this.typeOf(inner, name, list);
    if (schema instanceof z.ZodArray) return listOf(this.typeOf(schema.element as z.ZodType, singular(name), list), list);
    if (schema instanceof z.ZodRecord) return `dict[str, ${this.typeOf(schema.valueType as z.ZodType, name, list)}]`;
    if (schema instanceof z.ZodUnion) return schema.options.map((each) => this.typeOf(each as z.ZodType, name, list)).join(" | ");
    return schema instanceof z.ZodObject ? this.define(schema, name) : plainType(schema);
  }
}

function wrapped(schema: z.ZodType): z.ZodType | undefined {
  const wraps = [z.ZodReadonly, z.ZodOptional, z.ZodNullable, z.ZodDefault, z.ZodExactOptional];
  return wraps.some((wrap) => schema instanceof wrap) ? (schema as z.ZodOptional<z.ZodType>).unwrap() : undefined;
}

/** A field of any type is still required. */
function mayLack(field: z.ZodType): boolean {
  return field.isOptional() && !(field instanceof z.ZodUnknown);
}

function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  const inner = wrapped(schema);
  if (inner) return shapeOf(inner);
  if (schema instanceof z.ZodObject) return schema.shape;
  throw new Error("only objects become classes");
}

function plainType(schema: z.ZodType): string {
  if (schema instanceof z.ZodNumber) return numberType(schema);
  if (schema instanceof z.ZodBoolean) return "bool";
  if (schema instanceof z.ZodLiteral) return literal([...schema.values]);
  if (schema instanceof z.ZodEnum) return schema.options.length > MOST_LITERALS ? "str" : literal(schema.options);
  return schema instanceof z.ZodString ? "str" : "Any";
}

function numberType(schema: z.ZodNumber): string {
  if (!(schema instanceof z.ZodNumberFormat)) return "float";
  if (schema.minValue === 0) return "Count";
  return schema.minValue === 1 ? "Positive" : "int";
}

function literal(values: readonly unknown[]): string {
  return `Literal[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
}

function listOf(item: string, list: "tuple" | "list"): string {
  return list === "tuple" ? `tuple[${item}, ...]` : `list[${item}]`;
}

function orNone(type: string): string {
  return type === "Any" || type.endsWith("| None") ? type : `${type} | None`;
}

function table(name: string, rows: readonly (readonly string[])[]): string[] {
  return [`${name}: dict[str, Any] = {`, ...rows.map(([key = "", value = ""]) => `    "${key}": ${value},`), "}"];
}

function pascal(name: string): string {
  return name
    .replace(/(^|[-.])([a-z])/g, (_whole, _lead, letter: string) => letter.toUpperCase())
    .replace(/^[a-z]/, (letter) => letter.toUpperCase());
}

function singular(name: string): string {
  return name.replace(/s$/, "");
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const [mode] = process.argv.slice(2);
if (mode === "--write") writeFileSync(TARGET, addonMessages());
if (mode === "--check" && readFileSync(TARGET, "utf8") !== addonMessages()) {
  process.stdout.write(`${TARGET} is not what the bridge's schemas say\n`);
  process.exitCode = 1;
}
