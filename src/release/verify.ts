import type { Bytes } from "../bytes/segment.ts";
import { DowngradeError, ManifestError } from "../errors.ts";
import { channelOf, compareVersions, parseManifest, type Latest, type Manifest } from "./manifest.ts";
import { verifySignature } from "./minisign.ts";

/** Which base is wanted. */
export interface ReleaseQuery {
  readonly flavor?: string | undefined;
  /** The newest when absent. Asked for by version, an older one than was seen before is accepted too. */
  readonly version?: string | undefined;
  /** minisign public keys in base64, one of which must have signed the manifest. */
  readonly keys: readonly string[];
  /** The newest version seen so far, by `channelOf`. */
  readonly seen?: Readonly<Record<string, string>> | undefined;
}

/** A release whose manifest has been verified. */
export interface Release {
  readonly manifest: Manifest;
  /** The manifest as it was published, and the minisign signature over it. */
  readonly bytes: Bytes;
  readonly signature: string;
  /** The image's addresses, the best first. */
  readonly urls: readonly string[];
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
  await verifySignature(bytes, signature, wanted.keys);
  const manifest = parseManifest(parseJson(bytes));
  const { image, flavor, version, arch } = manifest;
  for (const [what, expected, is] of [
    ["flavor", listed?.flavor ?? wanted.flavor, flavor],
    ["version", listed?.version ?? wanted.version, version],
    ["architecture", listed?.arch, arch],
  ]) {
    if (expected !== undefined && expected !== is) {
      throw new ManifestError(
        `The base image found is not the one looked for: its ${what} is ${is}, not ${expected}`,
      );
    }
  }
  const seen = wanted.seen?.[channelOf(manifest)];
  if (wanted.version === undefined && seen !== undefined && compareVersions(version, seen) < 0) {
    throw new DowngradeError(
      `The base image offered, ${flavor} ${version}, is older than the ${seen} that this browser has seen, so it may be ` +
        `an old one put in its place. If you want it all the same, ask for it by name, as in os:notepat:${version}`,
    );
  }
  const urls = [image.url, ...(image.mirrors ?? [])].map((each) => resolve(each, url));
  return { manifest, bytes, signature, urls };
}

/** The address `relative`, relative to `base`. Throws `ManifestError` when it is none. */
export function resolve(relative: string, base: string): string {
  if (URL.canParse(relative, base)) return new URL(relative, base).href;
  throw new ManifestError(`The base image's manifest is wrong: "${relative}" is no address`);
}

/** A manifest's bytes as JSON of any shape, unverified. Throws `ManifestError` when they are not JSON. */
export function parseJson(bytes: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ManifestError("The base image's manifest is not JSON", { cause: error });
  }
}
