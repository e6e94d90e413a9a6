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
  await roundTrip();
  expect(made).toBe(0);
  for (const expected of [1, 2]) {
    await ask({ back: undefined });
    await roundTrip();
    expect(made).toBe(expected);
  }
});

test("counts what it has sent", async () => {
  const { ask, other } = channel();
  const counts: number[] = [];
  const chunks = [new Uint8Array(3), new Uint8Array(4)];
  const pumping = pump({ chunks: () => each(chunks) }, other, (sent) => counts.push(sent));
  expect(counts).toEqual([]);
  for (const expected of [[3], [3, 7], [3, 7]]) {
    await ask({ back: undefined });
    expect(counts).toEqual(expected);
  }
  await pumping;
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
  const [beingMade, made, closed] = [new Signal(), new Signal(), new Signal()];
  const slow = (async function* (): AsyncGenerator<Bytes> {
    try {
      for (;;) {
        beingMade.give();
        await made.given;
        yield new Uint8Array(1);
      }
    } finally {
      closed.give();
    }
  })();
  const pumping = pump({ chunks: () => slow }, other);
  port.postMessage({ back: undefined });
  await beingMade.given;
  port.postMessage("cancel");
  await roundTrip();
  made.give();
  await pumping;
  await closed.given;
});

/** Something that happens once. */
class Signal {
  give = () => {};
  readonly given = new Promise<void>((resolve) => (this.give = resolve));
}

/** Resolves when messages sent before have come, and what they lead to has happened. */
async function roundTrip(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  port2.on("message", () => port2.postMessage("back"));
  port1.postMessage("there");
  await once(port1, "message");
  port1.close();
}

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
