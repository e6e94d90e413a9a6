import { BaseImageError } from "../errors.ts";
import type { Bytes } from "../bytes/segment.ts";
import {
  copiesName,
  copiesWithin,
  LARGEST_COPIES,
  parseCopies,
  usefulCopies,
  type Copy,
  type Range,
} from "../release/copies.ts";
import { Failure, refusal } from "./failure.ts";
import { collect, get, unreachable } from "./http.ts";
import { RetryPolicy } from "./retry.ts";

/** For so long a list of copies is asked for again, in milliseconds: without it there is only more to fetch. */
const GIVE_UP_AFTER_MS = 5_000;

/** An older image that is here. */
export interface OlderImage {
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  /** What of it can be read, in order. */
  readonly ranges: readonly Range[];
}

/**
 * What of an image of `size` bytes at `url` is in an older one: from the list that was published beside it. Nothing where
 * there is no such list, or none that is sound: then the console is told. Throws only the reason that `stop` is aborted
 * with.
 */
export async function fetchCopies(
  { url, size }: { readonly url: string; readonly size: number },
  older: OlderImage,
  { times }: RetryPolicy,
  stop: AbortSignal,
): Promise<readonly Copy[]> {
  const name = copiesName(older.sha256);
  const patience = { ...times, giveUpAfterMs: GIVE_UP_AFTER_MS, signInMs: 0 };
  const brief = new RetryPolicy(patience, { isOnline: () => true }); // time offline counts: nobody waits for it
  try {
    const packed = await brief.persist(stop, () => attempt(new URL(name, url).href, times.silenceMs, stop));
    if (!packed) return []; // as for a base that is older than the last three
    const sizes = { size, olderSize: older.size };
    return usefulCopies(copiesWithin(parseCopies(await gunzip(packed), sizes), older.ranges));
  } catch (error) {
    stop.throwIfAborted();
    console.warn(
      `os: ${name} is of no use, so all of the base image is fetched: ${(error as Error).message}`,
    );
    return [];
  }
}

async function attempt(url: string, silenceMs: number, stop: AbortSignal): Promise<Bytes | undefined> {
  try {
    const { response, chunks } = await get(url, { silenceMs: Math.min(silenceMs, GIVE_UP_AFTER_MS), stop });
    if (response.ok) return (await collect(chunks(), LARGEST_COPIES)) ?? tooLarge();
    await response.body?.cancel();
    if ([403, 404, 410].includes(response.status)) return undefined; // buckets say 403 to whoever may not list them
    throw refusal(response, "The base image's server");
  } catch (error) {
    stop.throwIfAborted();
    if (error instanceof Failure || error instanceof BaseImageError) throw error;
    throw new Failure("lost", `no list of copies: ${unreachable(error)}`, { cause: error });
  }
}

async function gunzip(packed: Bytes): Promise<Bytes> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return (await collect(chunksOf(stream), LARGEST_COPIES)) ?? tooLarge();
}

async function* chunksOf(stream: ReadableStream<Bytes>): AsyncGenerator<Bytes> {
  const reader = stream.getReader();
  try {
    for (let r = await reader.read(); !r.done; r = await reader.read()) yield r.value;
  } finally {
    await reader.cancel().catch(() => {}); // it has failed, or is at its end
  }
}

function tooLarge(): never {
  throw new BaseImageError(`it has more than ${LARGEST_COPIES} bytes`);
}
