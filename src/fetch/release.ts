import { BaseImageError, ManifestError, DowngradeError } from "../errors.ts";
import {
  compareVersions,
  parseLatest,
  parseManifest,
  channelOf,
  type Latest,
  type Manifest,
} from "../release/manifest.ts";
import { verifySignature } from "../release/minisign.ts";
import type { Bytes } from "../bytes/segment.ts";
import { Failure, refusal } from "./failure.ts";
import { collect, get, unreachable } from "./http.ts";
import type { RetryPolicy } from "./retry.ts";

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

const LARGEST_MANIFEST = 1024 * 1024;

/** What is in nearly every computer with a USB port; others will be asked for by name. */
const ARCH = "x86_64";

/**
 * The release that `url` names, over HTTP: a manifest, or a `latest.json` whose newest of the wanted flavor it
 * then is. Nothing in a manifest is looked at before its signature has been verified. Throws `SignatureError`,
 * `ManifestError`, `DowngradeError`, and what `retry` gives up with.
 */
export async function findRelease(
  url: string,
  wanted: ReleaseQuery,
  retry: RetryPolicy,
  stop: AbortSignal,
): Promise<Release> {
  const first = await fetchManifest(url, retry, stop);
  let manifestUrl = url;
  let bytes = first;
  const json = parseJson(first);
  const listed = isLatest(json) ? newest(json, wanted) : undefined;
  if (listed) {
    manifestUrl = resolve(listed.manifest, url);
    bytes = await fetchManifest(manifestUrl, retry, stop);
  }
  const signature = new TextDecoder().decode(await fetchManifest(`${manifestUrl}.minisig`, retry, stop));
  return await verifyRelease(bytes, signature, manifestUrl, wanted, listed);
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

/** Whether this JSON is a list of releases rather than a manifest. */
export function isLatest(json: unknown): boolean {
  return typeof json === "object" && json !== null && "releases" in json;
}

/** The release in a list that is wanted: of the version named, or the one offered first. Throws `ManifestError`. */
export function newest(json: unknown, { flavor, version }: Omit<ReleaseQuery, "keys" | "seen">) {
  const { releases } = parseLatest(json);
  const release = releases.find(
    (each) =>
      each.arch === ARCH &&
      (flavor === undefined || each.flavor === flavor) &&
      (version === undefined || each.version === version),
  );
  if (release) return release;
  const what = `${flavor ? ` of the flavor "${flavor}"` : ""}${version ? ` with the version ${version}` : ""}`;
  const known = releases.map((each) => `${each.flavor} ${each.version}`).join(", ");
  throw new ManifestError(`No base image${what} has been published${known && `, but there is ${known}`}`);
}

function resolve(relative: string, base: string): string {
  if (URL.canParse(relative, base)) return new URL(relative, base).href;
  throw new ManifestError(`The base image's manifest is wrong: "${relative}" is no address`);
}

async function fetchManifest(url: string, retry: RetryPolicy, stop: AbortSignal): Promise<Bytes> {
  const attempt = async () => {
    try {
      const { response, chunks } = await get(url, stop, { silence: retry.times.silence });
      if (!response.ok) {
        await response.body?.cancel();
        throw refusal(response, "The base image's server, asked for its manifest,");
      }
      const bytes = await collect(chunks(), LARGEST_MANIFEST);
      if (bytes) return bytes;
    } catch (error) {
      stop.throwIfAborted();
      if (error instanceof Failure) throw error;
      const what = `The base image's manifest cannot be fetched: ${unreachable(error)}`;
      throw new Failure("lost", what, { cause: error });
    }
    throw new ManifestError(`The base image's manifest is larger than ${LARGEST_MANIFEST} bytes`);
  };
  try {
    return await retry.persist(stop, attempt);
  } catch (error) {
    if (!(error instanceof BaseImageError)) throw error;
    throw new ManifestError(error.message, { cause: error.cause }); // refused
  }
}

function parseJson(bytes: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ManifestError("The base image's manifest is not JSON", { cause: error });
  }
}
