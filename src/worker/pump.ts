import { WINDOW } from "../release/manifest.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { DataAnswer, DataRequest } from "../messages.ts";
import type { Bytes } from "../bytes/segment.ts";

/**
 * Make the chunks of an image in buffers that go round: answer each request on `port` with one chunk,
 * transferred, and the last with the end. Nothing is made unasked (but for what `chunks` itself prepares):
 * asking is the backpressure. Rejects with what `chunks` throws, after telling the port; resolves early
 * when the other side cancels.
 */
export async function pump(
  image: { chunks(pool: BufferPool): AsyncGenerator<Bytes> },
  port: MessagePort,
): Promise<void> {
  const nextRequest = requestsOf(port);
  const pool = new BufferPool(WINDOW);
  const chunks = image.chunks(pool);
  try {
    for (;;) {
      const request = await nextRequest();
      if (request === "cancel") return;
      if (request.back) pool.release(request.back);
      const next = await chunks.next();
      if (next.done) {
        port.postMessage({ end: true } satisfies DataAnswer);
        return;
      }
      const chunk = next.value.buffer;
      if (chunk.byteLength !== next.value.length) throw new RangeError("a chunk that is part of a buffer");
      port.postMessage({ chunk } satisfies DataAnswer, [chunk]);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    port.postMessage({ error: message } satisfies DataAnswer);
    throw error;
  } finally {
    void chunks.return(undefined).catch(() => {}); // it has failed already, or has nothing to say
  }
}

function requestsOf(port: MessagePort): () => Promise<DataRequest> {
  const queue: DataRequest[] = [];
  let wake = () => {};
  port.onmessage = (event: MessageEvent<DataRequest>) => {
    queue.push(event.data);
    wake();
  };
  return async () => {
    for (;;) {
      const request = queue.shift();
      if (request) return request;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
}
