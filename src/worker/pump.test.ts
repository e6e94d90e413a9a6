import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import { expect, test } from "vitest";
import { WINDOW } from "../release/manifest.ts";
import type { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import type { DataAnswer, DataRequest } from "../messages.ts";
import { pump } from "./pump.ts";

test("gives one chunk for each pull, transferred, and then the end", async () => {
  const { ask, other } = channel();
  const chunks = [new Uint8Array([1]), new Uint8Array([2, 3])];
  const pumping = pump({ chunks: () => each(chunks) }, other);
  expect(await ask({ back: undefined })).toEqual({ chunk: new Uint8Array([1]).buffer });
  expect(chunks.map((chunk) => chunk.length)).toEqual([0, 2]); // the first has left this thread
  expect(await ask({ back: undefined })).toEqual({ chunk: new Uint8Array([2, 3]).buffer });
  expect(await ask({ back: undefined })).toEqual({ end: true });
  await pumping;
});

test("makes nothing unasked", async () => {
  const { ask, other } = channel();
  let made = 0;
  async function* chunks() {
    for (;;) yield new Uint8Array([made++]);
  }
  void pump({ chunks }, other);
  await new Promise((later) => setTimeout(later, 20));
  expect(made).toBe(0);
  await ask({ back: undefined });
  await new Promise((later) => setTimeout(later, 20));
  expect(made).toBe(1);
});

test("what comes back is used again", async () => {
  const { ask, other, port } = channel();
  async function* chunks(pool: BufferPool) {
    for (let i = 1; ; i++) yield pool.acquire(WINDOW).fill(i);
  }
  void pump({ chunks }, other);
  const first = (await ask({ back: undefined })) as { chunk: ArrayBuffer };
  new Uint8Array(first.chunk)[7] = 99;
  port.postMessage({ back: first.chunk }, [first.chunk]);
  const [second] = (await once(port, "message")) as [{ chunk: ArrayBuffer }];
  expect(new Uint8Array(second.chunk).every((byte) => byte === 2)).toBe(true);
  expect(first.chunk.byteLength).toBe(0);
});

test("tells both sides of an error", async () => {
  const { ask, other } = channel();
  const broken = (async function* (): AsyncGenerator<Bytes> {
    yield new Uint8Array([1]);
    throw new Error("the server is gone");
  })();
  const pumping = pump({ chunks: () => broken }, other);
  const failed = expect(pumping).rejects.toThrow("the server is gone");
  await ask({ back: undefined });
  expect(await ask({ back: undefined })).toEqual({ error: "the server is gone" });
  await failed;
});

test("a cancel ends it and closes its source, even while a chunk is being made", async () => {
  const { port, other } = channel();
  let closed = false;
  const slow = (async function* (): AsyncGenerator<Bytes> {
    try {
      for (;;) {
        await new Promise((later) => setTimeout(later, 20));
        yield new Uint8Array(1);
      }
    } finally {
      closed = true;
    }
  })();
  const pumping = pump({ chunks: () => slow }, other);
  port.postMessage({ back: undefined });
  await new Promise((later) => setTimeout(later, 5));
  port.postMessage("cancel");
  await pumping;
  await new Promise((later) => setTimeout(later, 30));
  expect(closed).toBe(true);
});

function channel() {
  const { port1: port, port2 } = new MessageChannel();
  const ask = async (request: DataRequest) => {
    port.postMessage(request);
    const [answer] = (await once(port, "message")) as [DataAnswer];
    return answer;
  };
  port.unref();
  port2.unref();
  return { port, ask, other: port2 as unknown as MessagePort };
}

async function* each(chunks: Bytes[]): AsyncGenerator<Bytes> {
  yield* chunks;
}
