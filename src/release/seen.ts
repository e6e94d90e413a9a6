import * as v from "valibot";
import { compareVersions, VERSION } from "./version.ts";

// The newest versions that were seen, for browsers (localStorage) and the command line (a file) alike.

/** How many channels are remembered. */
export const MAX_SEEN = 32;

/**
 * The newest version seen of each channel: flavor, architecture, and the id of the key that had signed it
 * (`kiosk x86_64 0123456789ABCDEF`). What a key has signed counts only while it is pinned: whoever gets hold of one
 * and signs version 9999 locks nobody out for longer than until it is withdrawn. The address is no part of it, or an
 * older release could be had by serving it from another one.
 */
export type SeenVersions = Readonly<Record<string, string>>;

const schema = v.pipe(
  v.record(
    v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{0,63} [a-z0-9][a-z0-9._-]{0,63} [0-9A-F]{1,16}$/)),
    v.pipe(v.string(), v.regex(VERSION)),
  ),
  v.check((seen) => Object.keys(seen).length <= MAX_SEEN),
);

/** What of a release is remembered. */
export interface Sighting {
  readonly flavor: string;
  readonly arch: string;
  readonly version: string;
  /** Of the key that had signed it, as `minisign` writes it. */
  readonly keyId: string;
}

/** What was stored, from JSON of any shape; `undefined` when it is damaged, or not ours. */
export function parseSeen(json: unknown): SeenVersions | undefined {
  const result = v.safeParse(schema, Array.isArray(json) ? undefined : json); // valibot takes [] for a record
  return result.success ? result.output : undefined;
}

/** `seen` with one release more. An older one changes nothing; beyond `MAX_SEEN` the channel longest unchanged goes. */
export function withSeen(seen: SeenVersions, { flavor, arch, version, keyId }: Sighting): SeenVersions {
  const channel = `${flavor} ${arch} ${keyId}`;
  const known = seen[channel];
  if (known !== undefined && compareVersions(version, known) <= 0) return seen;
  const others = Object.entries(seen).filter(([each]) => each !== channel);
  return Object.fromEntries([...others, [channel, version] as const].slice(-MAX_SEEN));
}

/** The newest version seen of a flavor and architecture that a pinned key had signed, one of those with these ids. */
export function newestSeen(
  seen: SeenVersions,
  { flavor, arch }: { readonly flavor: string; readonly arch: string },
  keyIds: readonly string[],
): string | undefined {
  return keyIds
    .map((id) => seen[`${flavor} ${arch} ${id}`])
    .filter((version) => version !== undefined)
    .toSorted(compareVersions)
    .at(-1);
}
