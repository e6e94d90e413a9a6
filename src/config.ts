import * as v from "valibot";

/** 42 bytes in base64, "Ed" first. */
const KEY = /^RW[QRST][A-Za-z0-9+/]{53}$/;

const schema = v.object({
  /** Where base images are listed. */
  latest: v.pipe(v.string(), v.url()),
  /** Where pieces are bundled. */
  oven: v.pipe(v.string(), v.url()),
  /** Which flavor of base to take; the newest of any when absent. */
  flavor: v.optional(v.string()),
  /** minisign public keys, the current one and the next: one must have signed a base. None, and none is taken. */
  keys: v.optional(v.pipe(v.array(v.pipe(v.string(), v.regex(KEY))), v.maxLength(2)), []),
  /** For how long to go on without any progress, in seconds. */
  giveUpAfterSeconds: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(86400))),
});

/** Where a deployment gets its parts: `config.json` beside the page module, never the address bar. */
export type Config = v.InferOutput<typeof schema>;

/** The one gate through which settings come in. Throws a plain `Error` that names what is wrong. */
export function parseConfig(json: unknown): Config {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Error(`it is malformed at ${v.getDotPath(issue) ?? "the top"}: ${issue.message}`);
}
