import type { Bytes } from "../bytes/segment.ts";
import { USUAL_ARCH } from "../architectures.ts";
import { DowngradeError, ExpiredListError, ManifestError, SignatureError } from "../errors.ts";
import { commentOnList, type Latest, parseList, parseSignedList } from "./latest.ts";
import { commentOn, parseManifest, type Manifest } from "./manifest.ts";
import { keyIdOf, verifySignature } from "./minisign.ts";
import { newestSeen, type SeenVersions } from "./seen.ts";
import { compareVersions } from "./version.ts";

/**
 * By how much a computer's clock may be fast before it takes a list for expired that is not: one that shows the local
 * time of another place as UTC is up to 14 hours off.
 */
export const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

/** Which base is wanted. */
export interface ReleaseQuery {
  /** Any when absent. */
  readonly flavor?: string | undefined;
  /** The architectures that will do, the one that is wanted most first; the usual one when absent. */
  readonly arches?: readonly string[] | undefined;
  /** The newest when absent. Asked for by version, an older one than was seen before is accepted too. */
  readonly version?: string | undefined;
  /** minisign public keys in base64, one of which must have signed list and manifest. */
  readonly keys: readonly string[];
  /** The newest versions seen so far. */
  readonly seen?: SeenVersions | undefined;
  /** How a person asks for a version by name here. */
  readonly byName?: ((version: string) => string) | undefined;
}

/** A release whose manifest has been verified. */
export interface Release {
  readonly manifest: Manifest;
  /** The manifest as it was published, and the minisign signature over it. */
  readonly bytes: Bytes;
  readonly signature: string;
  /** Of the key that has signed it, as `minisign` writes it. */
  readonly keyId: string;
  /** The newest version seen before, when this one, asked for by name, is older. */
  readonly olderThan?: string;
  /** The image's addresses, the best first. */
  readonly urls: readonly string[];
}

/**
 * The list in a `latest.json`, once one of the keys has signed it. Whether it still holds is for `checkHolds`. Throws
 * `SignatureError` and `ManifestError`.
 */
export async function verifyLatest(json: unknown, keys: readonly string[]): Promise<Latest> {
  const { list, signature } = parseSignedList(json);
  const what = "The list of base images";
  const { trustedComment } = await verifySignature(new TextEncoder().encode(list), signature, keys, what);
  const latest = parseList(list);
  checkComment(what, trustedComment, commentOnList(latest));
  return latest;
}

/** Throws `ExpiredListError` when a list does not hold any more. */
export function checkHolds({ until }: Latest, now: Date): void {
  if (now.getTime() <= Date.parse(until) + CLOCK_TOLERANCE_MS) return;
  throw new ExpiredListError(
    `The list of base images held until ${minute(new Date(until))}, and this computer's clock says ${minute(now)}: ` +
      "the clock is wrong, or nobody has renewed the list, or an old one was put in its place",
  );
}

/** A manifest, once one of the keys has signed it, and the id of that key. Throws `SignatureError`, `ManifestError`. */
export async function verifyManifest(
  bytes: Bytes,
  signature: string,
  keys: readonly string[],
): Promise<{ manifest: Manifest; keyId: string }> {
  const { trustedComment, keyId } = await verifySignature(bytes, signature, keys);
  const manifest = parseManifest(parseJson(bytes));
  checkComment("The base image's manifest", trustedComment, commentOn(manifest));
  return { manifest, keyId };
}

/**
 * Whether a manifest describes what was asked for, also when it is the right one by its signature: its flavor and
 * version, if any was named, and one of the architectures that will do. Throws `ManifestError`.
 */
export function checkWanted(
  manifest: Pick<Manifest, "flavor" | "version" | "arch">,
  { flavor, version, arches = [USUAL_ARCH] }: Pick<ReleaseQuery, "flavor" | "version" | "arches">,
): void {
  for (const [what, expected, is] of [
    ["flavor", flavor === undefined ? [manifest.flavor] : [flavor], manifest.flavor],
    ["version", version === undefined ? [manifest.version] : [version], manifest.version],
    ["architecture", arches, manifest.arch],
  ] as const) {
    if (!expected.includes(is)) {
      throw new ManifestError(
        `The base image found is not the one looked for: its ${what} is ${is}, not ${expected.join(" or ")}`,
      );
    }
  }
}

/**
 * The release that a manifest describes, once one of the keys has signed it, it is sound, and it is the release that
 * was asked for. The signature is verified before the manifest is parsed. `url` is the manifest's own address, which
 * those in it are relative to; `listed` is its entry in the list of releases that led to it. Throws `SignatureError`,
 * `ManifestError`, and `DowngradeError` for a release older than one seen before.
 */
export async function verifyRelease(
  bytes: Bytes,
  signature: string,
  url: string,
  wanted: ReleaseQuery,
  listed?: Latest["releases"][number],
): Promise<Release> {
  const { manifest, keyId } = await verifyManifest(bytes, signature, wanted.keys);
  checkWanted(manifest, wanted);
  if (listed) checkWanted(manifest, { ...listed, arches: [listed.arch] });
  const { image, flavor, version } = manifest;
  const newest = newestSeen(
    wanted.seen ?? {},
    manifest,
    wanted.keys.map((key) => keyIdOf(key)),
  );
  const isOlder = newest !== undefined && compareVersions(version, newest) < 0;
  if (isOlder && wanted.version === undefined) {
    const how = wanted.byName ? `: ${wanted.byName(version)}` : "";
    throw new DowngradeError(
      `The base image offered, ${flavor} ${version}, is older than the ${newest} that was seen here before, so it may be ` +
        `an old one put in its place. If you want it all the same, ask for it by name${how}`,
    );
  }
  const urls = [image.url, ...(image.mirrors ?? [])].map((each) => resolve(each, url));
  return { manifest, bytes, signature, keyId, urls, ...(isOlder ? { olderThan: newest } : {}) };
}

/**
 * The address `relative`, relative to `base`. Throws `ManifestError` when it is none, and for one that is neither
 * https nor of the same origin: a list cannot send a build to servers in somebody's own network.
 */
export function resolve(relative: string, base: string): string {
  const url = URL.canParse(relative, base) ? new URL(relative, base) : undefined;
  if (url && (url.protocol === "https:" || url.origin === new URL(base).origin)) return url.href;
  throw new ManifestError(`The base image's manifest is wrong: "${relative}" is no address that it may name`);
}

/** A manifest's bytes as JSON of any shape, unverified. Throws `ManifestError` when they are not JSON. */
export function parseJson(bytes: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ManifestError("The base image's manifest is not JSON", { cause: error });
  }
}

/** A signature of one thing must not pass for that of another, even if somebody makes the two look alike. */
function checkComment(what: string, is: string, expected: string): void {
  if (is === expected) return;
  throw new SignatureError(
    `${what} came with the signature of something else: of "${is}", not "${expected}"`,
  );
}

/** 2026-11-27 04:17 UTC */
function minute(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
