import type { Bytes } from "../bytes/segment.ts";

/** A server that says next to nothing for this long is taken for lost, in milliseconds. */
const SILENCE = 25_000;

/** Less than this is next to nothing, in bytes a millisecond: some 25 KB in 25 s. */
const TRICKLE = 1;

/** How much is read at a time, in bytes. */
const SCRATCH = 1024 * 1024;

/** How one request went: its response, whose body is read through `chunks`. */
export interface Answer {
  readonly response: Response;
  /**
   * The body as it arrives. A chunk is good until the next is asked for, which reuses its memory; leaving
   * the loop ends the connection.
   */
  chunks(): AsyncGenerator<Bytes>;
}

/**
 * `GET url`, past every cache. Rejects as `fetch` does, and with a `TimeoutError` when the server sends
 * nothing, or next to nothing, for `silence` milliseconds; a slow reader is not a silent server.
 */
export async function get(
  url: string,
  signal: AbortSignal,
  { headers = {}, silence = SILENCE }: { headers?: Record<string, string>; silence?: number } = {},
): Promise<Answer> {
  const silent = new AbortController();
  let waited = 0; // milliseconds, for the bytes below
  let came = 0;
  const within = async <T>(step: Promise<T>): Promise<T> => {
    const since = performance.now();
    const timer = setTimeout(() => {
      const seconds = Math.round(silence / 1000);
      silent.abort(new DOMException(`the server said nothing for ${seconds} s`, "TimeoutError"));
    }, silence);
    try {
      return await step;
    } finally {
      clearTimeout(timer);
      waited += performance.now() - since;
    }
  };
  const either = AbortSignal.any([signal, silent.signal]);
  const response = await within(fetch(url, { headers, signal: either, cache: "no-store" }));

  async function* chunks(): AsyncGenerator<Bytes> {
    if (!response.body) return;
    const { read, cancel } = readerOf(response.body);
    try {
      for (let r = await within(read()); !r.done; r = await within(read())) {
        came += r.value.length;
        if (waited > silence) {
          if (came < waited * TRICKLE) throw new DOMException("the server all but stopped", "TimeoutError");
          waited = came = 0;
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
  let memory = new ArrayBuffer(SCRATCH);
  const read = async (): Promise<ReadableStreamReadResult<Bytes>> => {
    const { done, value } = await reader.read(new Uint8Array(memory));
    if (value) memory = value.buffer; // it was transferred to the stream, and is back
    return done || !value ? { done: true, value: undefined } : { done: false, value };
  };
  return { read, cancel: () => reader.cancel() };
}

/** A whole body, at most `limit` bytes; `undefined` when there is more. */
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

/** What to say of a request that got no answer: `fetch` keeps the reason from us, so name the likely ones. */
export function unreachable(error: unknown): string {
  const { onLine } = (globalThis.navigator ?? {}) as { onLine?: boolean }; // Node has no such property
  if (onLine === false) return "this computer is offline";
  if (error instanceof DOMException && error.name === "TimeoutError") return error.message;
  return "no connection, or the server does not allow this page";
}
