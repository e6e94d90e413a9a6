import type { Bytes } from "../bytes/segment.ts";
import { BaseImageError, ManifestError } from "../errors.ts";
import { isLatest, newest } from "../release/list.ts";
import { parseJson, resolve, verifyRelease, type Release, type ReleaseQuery } from "../release/verify.ts";
import { Failure, portal, refusal } from "./failure.ts";
import { collect, get, isWebPage, unreachable } from "./http.ts";
import type { RetryPolicy } from "./retry.ts";

/** The largest manifest, list or signature that is accepted, in bytes. */
const LARGEST_MANIFEST = 1024 * 1024;

/**
 * The release that `url` leads to, over HTTP: `url` is a manifest, or a `latest.json` of which the first release that
 * matches is taken. Before a manifest's signature has been verified, all that is looked at is whether it is a list.
 * Throws `SignatureError`, `ManifestError` (also where a server refuses), `DowngradeError`, `ConnectionError`, and the
 * reason that `stop` is aborted with.
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

async function fetchManifest(url: string, retry: RetryPolicy, stop: AbortSignal): Promise<Bytes> {
  const attempt = async () => {
    try {
      const { response, chunks } = await get(url, { silenceMs: retry.times.silenceMs, stop });
      if (!response.ok) {
        await response.body?.cancel();
        throw refusal(response, "The base image's server, asked for its manifest,");
      }
      const bytes = await collect(chunks(), LARGEST_MANIFEST);
      if (bytes && isWebPage(bytes)) throw portal("The base image's server");
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
