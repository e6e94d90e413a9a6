import type { Bytes } from "../bytes/segment.ts";
import { BaseImageError, ManifestError } from "../errors.ts";
import type { Latest } from "../release/latest.ts";
import { newest, type Entry } from "../release/list.ts";
import {
  checkHolds,
  parseJson,
  resolve,
  verifyLatest,
  verifyRelease,
  type Release,
  type ReleaseQuery,
} from "../release/verify.ts";
import { Failure, portal, refusal } from "./failure.ts";
import { collect, get, isWebPage, unreachable } from "./http.ts";
import type { RetryPolicy } from "./retry.ts";

/** The largest manifest, list or signature that is accepted, in bytes. */
const LARGEST_MANIFEST = 1024 * 1024;

/**
 * The release that `url` leads to, over HTTP: that of a manifest, when the address ends in `/manifest.json`; otherwise
 * `url` is a `latest.json`, of which the first release that matches is taken. The address decides, not what is there:
 * a server cannot send an old manifest in the place of the list, which expires. Nothing is parsed further than to find
 * its signature before that has been verified. Throws `SignatureError`, `ManifestError` (also where a server refuses),
 * `ExpiredListError`, `DowngradeError`, `ConnectionError`, and the reason that `stop` is aborted with.
 */
export async function findRelease(
  url: string,
  wanted: ReleaseQuery,
  retry: RetryPolicy,
  stop: AbortSignal,
): Promise<Release> {
  if (namesManifest(url)) return await fetchRelease(url, wanted, undefined, retry, stop);
  const latest = await findList(url, wanted.keys, retry, stop);
  return await findListed(url, newest(latest, wanted), wanted, retry, stop);
}

/** The list of releases at `url`, signed and not expired. Throws as `findRelease` does. */
export async function findList(
  url: string,
  keys: readonly string[],
  retry: RetryPolicy,
  stop: AbortSignal,
): Promise<Latest> {
  const latest = await verifyLatest(parseJson(await fetchManifest(url, retry, stop)), keys);
  checkHolds(latest, new Date());
  return latest;
}

/** The release of an entry in the list at `url`. Throws as `findRelease` does. */
export async function findListed(
  url: string,
  entry: Entry,
  wanted: ReleaseQuery,
  retry: RetryPolicy,
  stop: AbortSignal,
): Promise<Release> {
  return await fetchRelease(resolve(entry.manifest, url), wanted, entry, retry, stop);
}

async function fetchRelease(
  manifestUrl: string,
  wanted: ReleaseQuery,
  listed: Entry | undefined,
  retry: RetryPolicy,
  stop: AbortSignal,
): Promise<Release> {
  const bytes = await fetchManifest(manifestUrl, retry, stop);
  const signature = new TextDecoder().decode(await fetchManifest(`${manifestUrl}.minisig`, retry, stop));
  return await verifyRelease(bytes, signature, manifestUrl, wanted, listed);
}

/** Whether an address is that of a manifest rather than of a list. */
export function namesManifest(url: string): boolean {
  return new URL(url).pathname.endsWith("/manifest.json");
}

async function fetchManifest(url: string, retry: RetryPolicy, stop: AbortSignal): Promise<Bytes> {
  const name = namesManifest(url.replace(/\.minisig$/, "")) ? "manifest" : "list of releases";
  const attempt = async () => {
    try {
      const { response, chunks } = await get(url, { silenceMs: retry.times.silenceMs, stop });
      if (!response.ok) {
        await response.body?.cancel();
        const { kind, message, retryAfterMs } = refusal(
          response,
          `The base image's server, asked for its ${name},`,
        );
        // Buckets say 403 also for what is not there, to whoever may not list them.
        const why = response.status === 403 ? ": it is not there, or not open to everybody" : "";
        throw new Failure(kind, message + why, { retryAfterMs });
      }
      const bytes = await collect(chunks(), LARGEST_MANIFEST);
      if (bytes && isWebPage(bytes)) throw portal("The base image's server");
      if (bytes) return bytes;
    } catch (error) {
      stop.throwIfAborted();
      if (error instanceof Failure) throw error;
      const what = `The base image's ${name} cannot be fetched: ${unreachable(error)}`;
      throw new Failure("lost", what, { cause: error });
    }
    throw new ManifestError(`The base image's ${name} is larger than ${LARGEST_MANIFEST} bytes`);
  };
  try {
    return await retry.persist(stop, attempt);
  } catch (error) {
    if (!(error instanceof BaseImageError)) throw error;
    throw new ManifestError(error.message, { cause: error.cause }); // refused
  }
}
