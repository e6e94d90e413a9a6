import { WINDOW } from "../release/manifest.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { DataAnswer, DataRequest } from "../messages.ts";
import type { Bytes } from "../bytes/segment.ts";

/**
 * Answer each request on `port` with one chunk of `image`, transferred, and the last with the end. The buffers come
 * back with later requests and are used again. Nothing is made before it is requested (except what `chunks` itself
 * prepares): requests are the backpressure. `onSent` is called with how many bytes have been sent so far. Resolves
 * early when the other side cancels; rejects with what `chunks` throws, after the port has been told.
 */
export async function pump(
  image: { chunks(pool: BufferPool): AsyncGenerator<Bytes> },
  port: MessagePort,
  onSent: (bytes: number) => void = () => {},
): Promise<void> {
  const nextRequest = requestsOf(port);
  const pool = new BufferPool(WINDOW);
  const chunks = image.chunks(pool);
  let sent = 0;
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
      const { buffer: chunk, length } = next.value;
      if (chunk.byteLength !== length) throw new RangeError("a chunk that is part of a buffer");
      port.postMessage({ chunk } satisfies DataAnswer, [chunk]);
      sent += length;
      onSent(sent);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    port.postMessage({ error: message } satisfies DataAnswer);
    throw error;
  } finally {
    void chunks.return(undefined).catch(() => {}); // its failure has been reported already
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
