import { BaseImageError, ManifestError } from "../errors.ts";
import { parseLatest, parseManifest, type Manifest } from "../manifest.ts";
import type { Bytes } from "../segment.ts";
import { collect, get, unreachable } from "./http.ts";

/** Bytes `start, length` of a base image, exactly; throws `BaseImageError` otherwise. */
export type ReadRange = (start: number, length: number, signal: AbortSignal) => AsyncIterable<Bytes>;

/** A base image that can be read: what it is, and how. */
export interface Base {
  readonly manifest: Manifest;
  readonly read: ReadRange;
}

const LARGEST_MANIFEST = 1024 * 1024;

/**
 * The base that `url` names, over HTTP: a manifest, or a `latest.json` whose newest release of `flavor` it
 * then is. Throws `ManifestError`.
 */
export async function httpBase(url: string, flavor: string | undefined, signal: AbortSignal): Promise<Base> {
  let manifestUrl = url;
  let json = await fetchJson(url, signal);
  if (isLatest(json)) {
    manifestUrl = resolve(newest(json, flavor), url);
    json = await fetchJson(manifestUrl, signal);
  }
  const manifest = parseManifest(json);
  return { manifest, read: httpRange(resolve(manifest.image.url, manifestUrl)) };
}

function resolve(relative: string, base: string): string {
  if (URL.canParse(relative, base)) return new URL(relative, base).href;
  throw new ManifestError(`The base image's manifest is wrong: "${relative}" is no address`);
}

/** Whether this JSON is a list of releases rather than a manifest. */
export function isLatest(json: unknown): boolean {
  return typeof json === "object" && json !== null && "releases" in json;
}

/** What is in nearly every computer with a USB port; others will be asked for by name. */
const ARCH = "x86_64";

/** The manifest's URL, relative to the list, of the newest release of `flavor`, or of any. */
export function newest(json: unknown, flavor: string | undefined): string {
  const { releases } = parseLatest(json);
  const release = releases.find((r) => r.arch === ARCH && (flavor === undefined || r.flavor === flavor));
  if (!release)
    throw new ManifestError(`No base image of the flavor "${flavor ?? "any"}" has been published`);
  return release.manifest;
}

/**
 * Pass `chunks` through, and throw unless they come to exactly `length` bytes: a short read is an error,
 * not a shorter file.
 */
export async function* exactly(length: number, chunks: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  let seen = 0;
  for await (const chunk of chunks) {
    seen += chunk.length;
    if (seen > length) {
      throw new BaseImageError(`The base image's server sent more than the ${length} bytes asked for`);
    }
    yield chunk;
  }
  if (seen < length) {
    throw new BaseImageError(`The base image's server stopped after ${seen} of ${length} bytes`);
  }
}

/** Ranges by HTTP (RFC 9110, section 14). Only 206 counts: appending a 200 would repeat the image's start. */
function httpRange(url: string): ReadRange {
  return async function* read(start, length, signal) {
    const headers = { Range: `bytes=${start}-${start + length - 1}` };
    try {
      const { response, chunks } = await get(url, signal, { headers });
      if (response.status !== 206) {
        await response.body?.cancel();
        throw new BaseImageError(
          response.status === 200
            ? "The base image's server ignored the range asked for (200 instead of 206)"
            : `The base image's server answered ${response.status}`,
        );
      }
      const range = response.headers.get("Content-Range"); // null when the server does not expose it
      if (range !== null && !range.startsWith(`bytes ${start}-${start + length - 1}/`)) {
        await response.body?.cancel();
        throw new BaseImageError(`The base image's server sent "${range}" for bytes ${start}, ${length}`);
      }
      yield* exactly(length, chunks());
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BaseImageError) throw error;
      throw new BaseImageError(`The base image's server was lost: ${unreachable(error)}`, { cause: error });
    }
  };
}

async function fetchJson(url: string, signal: AbortSignal): Promise<unknown> {
  let text: string;
  try {
    const { response, chunks } = await get(url, signal);
    if (!response.ok) {
      await response.body?.cancel();
      throw new ManifestError(`The base image's server answered ${response.status} for its manifest`);
    }
    const bytes = await collect(chunks(), LARGEST_MANIFEST);
    if (!bytes) throw new ManifestError(`The base image's manifest is larger than ${LARGEST_MANIFEST} bytes`);
    text = new TextDecoder().decode(bytes);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ManifestError) throw error;
    throw new ManifestError(`The base image's manifest cannot be fetched: ${unreachable(error)}`, {
      cause: error,
    });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ManifestError("The base image's manifest is not JSON", { cause: error });
  }
}
