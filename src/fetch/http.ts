import type { Bytes } from "../bytes/segment.ts";
import { runClock, type RunClock } from "../time/run-clock.ts";

/** A server that sends less than this is taken for silent: some 25 KB in 25 s. */
const TRICKLE_BYTES_PER_MS = 1;

/**
 * When this computer has stood still, a connection that is still good has bytes waiting, or soon gets some. One on which
 * nothing comes for so long is dead, though nobody may ever say so, in milliseconds.
 */
const AFTER_WAKE_MS = 2_000;

/** How much is read at a time, in bytes. */
const READ_SIZE = 1024 * 1024;

/** A response whose body is read through `chunks`. */
export interface Answer {
  readonly response: Response;
  /**
   * The body as it arrives. A chunk is good until the next is asked for, which reuses its memory; leaving
   * the loop ends the connection. Throws as `get` rejects.
   */
  chunks(): AsyncGenerator<Bytes>;
}

/** How `get` asks. */
export interface GetOptions {
  /** A server that sends nothing, or next to nothing, for this long is given up. */
  readonly silenceMs: number;
  readonly stop: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  /** Measures the silence. */
  readonly clock?: RunClock;
}

/** This computer stood still in the middle of a request, and nothing came of it since: that is nobody's failure. */
export class StandstillError extends Error {
  override readonly name = "StandstillError";
}

/**
 * `GET url`, past every cache. Rejects as `fetch` does, with a `TimeoutError` when the server is silent for too long
 * (the time that a slow reader takes does not count, nor that in which this computer slept), with a `StandstillError`
 * when the connection has not outlived such a sleep, with the reason that `stop` is aborted with, and with a `TypeError`
 * for an address that is not of the web and for redirects that lead away. No cookies are sent.
 */
export async function get(
  url: string,
  { silenceMs, stop, headers = {}, clock = runClock }: GetOptions,
): Promise<Answer> {
  const silent = new AbortController();
  let waitedMs = 0; // for `received`
  let received = 0;
  const withinSilence = async <T>(step: Promise<T>): Promise<T> => {
    let endWait = clock.after(silenceMs, () => {
      const seconds = Math.round(silenceMs / 1000);
      silent.abort(new DOMException(`the server said nothing for ${seconds} s`, "TimeoutError"));
    });
    const endWatch = clock.onWake(() => {
      endWait();
      endWait = clock.after(AFTER_WAKE_MS, () => {
        silent.abort(new StandstillError("the connection has not outlived this computer's sleep"));
      });
    });
    const since = clock.now();
    try {
      return await step;
    } finally {
      waitedMs += clock.now() - since;
      endWait();
      endWatch();
    }
  };
  const signal = AbortSignal.any([stop, silent.signal]);
  if (!/^https?:/i.test(url)) throw new TypeError(`${url.slice(0, 64)} is not on the web`); // data: and blob: are not
  // No cookies: the list of releases names any address, also one of this site's that does something.
  const response = await withinSilence(
    fetch(url, { headers, signal, cache: "no-store", credentials: "omit" }),
  );
  if (isLedAway(url, response.url)) {
    await response.body?.cancel();
    throw new TypeError(`the server leads from ${new URL(url).origin} to ${new URL(response.url).origin}`);
  }

  async function* chunks(): AsyncGenerator<Bytes> {
    if (!response.body) return;
    const { read, cancel } = readerOf(response.body);
    try {
      for (let r = await withinSilence(read()); !r.done; r = await withinSilence(read())) {
        received += r.value.length;
        if (waitedMs > silenceMs) {
          if (received < waitedMs * TRICKLE_BYTES_PER_MS) {
            throw new DOMException("the server all but stopped", "TimeoutError");
          }
          waitedMs = received = 0;
        }
        yield r.value;
      }
    } finally {
      await cancel().catch(() => {}); // already failed or closed: nothing left to stop
    }
  }
  return { response, chunks };
}

/**
 * Whether redirects have led to where an address may not lead: out of encryption, or without any to another server,
 * as in somebody's own network. (Where they lead to is known only when it has been asked.)
 */
function isLedAway(from: string, to: string): boolean {
  if (to === "") return false; // made up in a test, or by a service worker: it has no address
  const { protocol, origin } = new URL(to);
  return protocol !== "https:" && origin !== new URL(from).origin;
}

/**
 * Reads into the same memory again and again where the browser's bodies are byte streams, as by now they
 * are nearly everywhere: a gigabyte in new small buffers keeps tens of megabytes of garbage around.
 */
function readerOf(body: ReadableStream<Bytes>) {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    const plain = body.getReader();
    return { read: () => plain.read(), cancel: () => plain.cancel() };
  }
  let memory = new ArrayBuffer(READ_SIZE);
  const read = async (): Promise<ReadableStreamReadResult<Bytes>> => {
    const { done, value } = await reader.read(new Uint8Array(memory));
    if (value) memory = value.buffer; // it was transferred to the stream, and is back
    return done || !value ? { done: true, value: undefined } : { done: false, value };
  };
  return { read, cancel: () => reader.cancel() };
}

/**
 * Whether these bytes are the beginning of a web page, in a place where no page belongs. A login page of the network
 * comes like that, as 200 and to any address; what its `Content-Type` says is as unsure as that of other files.
 */
export function isWebPage(bytes: Bytes): boolean {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 1024)).replace(/^\xef\xbb\xbf/, "");
  return /^\s*(?:<!--(?:(?!-->)[^])*-->\s*|<\?xml[^>]*>\s*)*<(?:!doctype\s+html|html|head|body|title|meta|script)\b/i.test(
    text,
  );
}

/** All of `chunks` as one, or `undefined` when they come to more than `limit` bytes. Throws what `chunks` throws. */
export async function collect(chunks: AsyncIterable<Bytes>, limit: number): Promise<Bytes | undefined> {
  const parts: Bytes[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > limit) return undefined;
    parts.push(chunk.slice());
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Why a request got no answer, in words. `fetch` hides the reason from pages, so the likely ones are named. */
export function unreachable(error: unknown): string {
  const { onLine } = (globalThis.navigator ?? {}) as { onLine?: boolean }; // Node has no such property
  if (onLine === false) return "this computer is offline";
  if (error instanceof StandstillError) return error.message;
  if (error instanceof DOMException && error.name === "TimeoutError") return error.message;
  return "no connection, or the server does not allow this page";
}
