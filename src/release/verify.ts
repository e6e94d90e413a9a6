import type { Bytes } from "../bytes/segment.ts";
import { DowngradeError, ManifestError } from "../errors.ts";
import { channelOf, compareVersions, parseManifest, type Latest, type Manifest } from "./manifest.ts";
import { verifySignature } from "./minisign.ts";

/** Which base is wanted. */
export interface ReleaseQuery {
  readonly flavor?: string | undefined;
  /** The newest when absent. */
  readonly version?: string | undefined;
  /** minisign public keys in base64, one of which must have signed the manifest. */
  readonly keys: readonly string[];
  /** The newest version seen so far, by `channelOf`. */
  readonly seen?: Readonly<Record<string, string>> | undefined;
}

/** A base's manifest as it was published, and believed. */
export interface Release {
  readonly manifest: Manifest;
  /** The manifest's bytes, and the minisign signature over them. */
  readonly bytes: Bytes;
  readonly signature: string;
  /** Where the image is, best first. */
  readonly urls: readonly string[];
}

/**
 * The release of a manifest's bytes: signature first, then all else. `listed` is what a list of releases said
 * of it. Throws `SignatureError`, `ManifestError`, `DowngradeError`.
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
  for (const [what, said, is] of [
    ["flavor", listed?.flavor ?? wanted.flavor, flavor],
    ["version", listed?.version ?? wanted.version, version],
    ["architecture", listed?.arch, arch],
  ]) {
    if (said !== undefined && said !== is) {
      throw new ManifestError(
        `The base image found is not the one looked for: its ${what} is ${is}, not ${said}`,
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

/** `relative` as an address, seen from `base`. Throws `ManifestError`. */
export function resolve(relative: string, base: string): string {
  if (URL.canParse(relative, base)) return new URL(relative, base).href;
  throw new ManifestError(`The base image's manifest is wrong: "${relative}" is no address`);
}

/** What a manifest's bytes say, unverified. Throws `ManifestError`. */
export function parseJson(bytes: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ManifestError("The base image's manifest is not JSON", { cause: error });
  }
}
