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
  /** How long to try on when nothing comes, in seconds. */
  patience: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(86400))),
});

/** Where this deployment gets its parts: `config.json` beside the page module, never the address bar. */
export type Config = v.InferOutput<typeof schema>;

const here = import.meta.url;

/** Read `config.json`. Rejects with one plain `Error` when it is missing or malformed. */
export async function loadConfig(): Promise<Config> {
  try {
    const response = await fetch(new URL("config.json", here), { cache: "no-cache" });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return v.parse(schema, await response.json());
  } catch (error) {
    throw new Error("The settings of os could not be loaded", { cause: error });
  }
}
