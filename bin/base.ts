import type { ParseArgsConfig } from "node:util";
import config from "../public/aesthetic.computer/os/config.json" with { type: "json" };
import { ARCHITECTURES, architectureOf } from "../src/architectures.ts";
import { findRelease } from "../src/fetch/release.ts";
import { DEFAULT_RETRY, PREPARE_GIVE_UP_AFTER_MS, RetryPolicy } from "../src/fetch/retry.ts";
import { Source } from "../src/fetch/source.ts";
import type { Base } from "../src/image/image.ts";
import type { Trouble } from "../src/messages.ts";
import { VERSION } from "../src/release/version.ts";
import type { StickBase } from "../src/stick/plan.ts";
import { UsageError, withLocalBase } from "./errors.ts";
import { fileBase } from "./files.ts";
import { readSeen, recordSeen, seenFile } from "./seen.ts";
import { printError, showProgress } from "./terminal.ts";

/** The options that say which base, for `parseArgs`. */
export const BASE_OPTIONS = {
  manifest: { type: "string" },
  flavor: { type: "string" },
  version: { type: "string" },
  arch: { type: "string" },
  key: { type: "string", multiple: true },
  patience: { type: "string", default: "600" },
} as const satisfies ParseArgsConfig["options"];

/** What `parseArgs` makes of `BASE_OPTIONS`. */
interface BaseValues {
  readonly manifest?: string | undefined;
  readonly flavor?: string | undefined;
  readonly version?: string | undefined;
  readonly arch?: string | undefined;
  /** Those that will do when `arch` says none, as manifests say them; the usual one when absent. */
  readonly arches?: readonly string[] | undefined;
  readonly key?: string[] | undefined;
  readonly patience: string;
}

/** A base, and what the rest of a command needs to go with it. */
export interface OpenBase extends Base, Omit<StickBase, "signature"> {
  /** Its minisign signature, where there is one. */
  readonly signature: string | undefined;
  /** For what else has to be fetched before the image. */
  readonly preparing: RetryPolicy;
  /** Remember its version, so that an older one is noticed: to be called once the image can be made, as browsers do. */
  recordSeen(): Promise<void>;
}

/** The minisign public keys that count: those of `--key`, or those of the settings. */
export function keysOf({ key }: Pick<BaseValues, "key">): readonly string[] {
  return key ?? config.keys;
}

/**
 * The base that the options name, the newest one usually. Over HTTP a manifest has to be signed; in a file it is the
 * person's own word, unless they name a key. Throws `UsageError`, `RangeError`, and the errors of `src/errors.ts`.
 */
export async function openBase(values: BaseValues, stop: AbortSignal): Promise<OpenBase> {
  const giveUpAfterMs = Number(values.patience) * 1000;
  if (!(giveUpAfterMs > 0)) {
    throw new UsageError(`--patience takes a number of seconds, not "${values.patience}"`);
  }
  const policy = (mostMs: number) =>
    new RetryPolicy(
      { ...DEFAULT_RETRY, giveUpAfterMs: Math.min(giveUpAfterMs, mostMs), signInMs: giveUpAfterMs },
      { onTrouble: showTrouble },
    );
  const preparing = policy(PREPARE_GIVE_UP_AFTER_MS);
  const retry = policy(Infinity);
  if (values.version !== undefined && !VERSION.test(values.version)) {
    throw new UsageError(`--version takes a version like 2026.11.24, not "${values.version}"`);
  }
  const architecture = values.arch === undefined ? undefined : architectureOf(values.arch);
  if (values.arch !== undefined && !architecture) {
    const words = ARCHITECTURES.map(({ word }) => word).join(" or ");
    throw new UsageError(`--arch takes ${words}, not "${values.arch}"`);
  }
  const { manifest = config.latest } = values;
  // The settings name a flavor of the list that they name.
  const usual = values.manifest === undefined ? config.flavor : undefined;
  const wanted = {
    flavor: values.flavor ?? usual,
    version: values.version,
    arches: architecture ? [architecture.arch] : values.arches,
  };
  if (!isUrl(manifest)) {
    const base = await fileBase(manifest, { ...wanted, keys: values.key });
    return { ...base, preparing, recordSeen: async () => {} };
  }
  if (!URL.canParse(manifest)) throw new RangeError(`The manifest's address, ${manifest}, is none`);
  const file = seenFile();
  const seen = await readSeen(file, warn);
  const byName = (version: string) => `--version ${version}`;
  const query = { ...wanted, keys: keysOf(values), seen, byName };
  const release = await findRelease(manifest, query, preparing, stop);
  const { manifest: found, bytes, signature, urls, keyId, olderThan } = release;
  if (olderThan !== undefined) {
    warn(
      `${found.flavor} ${found.version}, asked for by name, is older than the ${olderThan} seen here before`,
    );
  }
  const servers = urls.map((url) => new Source(url, found.image.size));
  return {
    manifest: found,
    bytes,
    signature,
    sources: { servers, retry, seeds: [] },
    preparing,
    recordSeen: () => recordSeen(file, { ...found, keyId }, warn),
  };
}

/** What went wrong with a base, as it is told: by the words for files when its manifest is one. */
export function asTold(error: unknown, { manifest = config.latest }: BaseValues): unknown {
  return isUrl(manifest) ? error : withLocalBase(error);
}

function isUrl(manifest: string): boolean {
  return /^https?:/.test(manifest);
}

/** A line for whoever looks at standard error, about what does not end the command. */
function warn(text: string): void {
  printError(`os: ${text}`);
}

/** Show what keeps a build from getting on to whoever waits at a terminal. */
function showTrouble(trouble: Trouble | undefined): void {
  if (!trouble) return;
  const seconds = Math.max(0, Math.round((trouble.again - Date.now()) / 1000));
  showProgress(`The connection is ${trouble.kind}; trying again in ${seconds} s`);
}
