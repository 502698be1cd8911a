import { z } from "zod";
import { BLENDER_FLAGS, type DeclaredOption, JOB_OPTIONS, type OptionValue } from "./job-options.ts";

type Declared = Readonly<Record<string, DeclaredOption>>;
type SchemaOf<V extends OptionValue> = V extends { readonly of: readonly (infer C extends string)[] }
  ? z.ZodEnum<{ [K in C]: K }>
  : V extends { readonly kind: "integer" }
    ? z.ZodInt
    : V extends { readonly kind: "boolean" }
      ? z.ZodBoolean
      : z.ZodString;

function schemaOf<V extends OptionValue>(value: V): SchemaOf<V> {
  return anySchema(value) as SchemaOf<V>;
}

function anySchema(value: OptionValue): z.ZodType {
  switch (value.kind) {
    case "text":
      return z
        .string()
        .min(value.minChars ?? 0)
        .max(value.maxChars);
    case "integer":
      return z.int().min(value.min).max(value.max);
    case "boolean":
      return z.boolean();
    case "choice":
      return z.enum(value.of);
  }
}

type Optional<T extends Declared> = { [K in keyof T]: z.ZodOptional<SchemaOf<T[K]["value"]>> };
type Nullish<T extends Declared> = { [K in keyof T]: z.ZodOptional<z.ZodNullable<SchemaOf<T[K]["value"]>>> };

/** The schema fields of all these options, each optional. */
export function optionalFields<T extends Declared>(declared: T): Optional<T> {
  return Object.fromEntries(Object.entries(declared).map(([name, { value }]) => [name, schemaOf(value).optional()])) as Optional<T>;
}

/** Limits of texts on the wire, which must not be empty. */
const MAX_WIRE_CHARS = 4_096;

function wireValue(value: OptionValue): OptionValue {
  return value.kind === "text" ? { kind: "text", minChars: 1, maxChars: Math.min(value.maxChars, MAX_WIRE_CHARS) } : value;
}

/** The same for the wire, where null means undefined. */
export function nullishFields<T extends Declared>(declared: T): Nullish<T> {
  return Object.fromEntries(
    Object.entries(declared).map(([name, { value }]) => [name, anySchema(wireValue(value)).nullish()]),
  ) as Nullish<T>;
}

/** Blender's own flags of a job. */
export const BlenderFlags = z.strictObject(optionalFields(BLENDER_FLAGS)).readonly();
export type BlenderFlags = z.infer<typeof BlenderFlags>;

export const JobOptions = z.strictObject(optionalFields(JOB_OPTIONS)).readonly();
export type JobOptions = z.infer<typeof JobOptions>;

/** How many results of other machines' donors are checked by a second render. This machine's own donors are never checked. */
export type VerifyLevel = NonNullable<JobOptions["verify"]>;

/** `files`: finished pictures. `raw`: assembled raw frames that wait here for pickup, to be finished by the client. */
export const DeliveryMode = z.enum(["files", "raw"]);
export type DeliveryMode = z.infer<typeof DeliveryMode>;

/** Picks the declared values from a larger object, without null and undefined. */
export function pickDeclared(declared: Declared, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const picked = Object.keys(declared).map((name) => [name, values[name] ?? undefined] as const);
  return Object.fromEntries(picked.filter(([, value]) => value !== undefined));
}
