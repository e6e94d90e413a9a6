import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import { expect, test } from "vitest";
import type { Bytes } from "../segment.ts";
import type { DataAnswer } from "../messages.ts";
import { pump } from "./pump.ts";

test("gives one chunk for each pull, transferred, and then the end", async () => {
  const { ask, other } = channel();
  const chunks = [new Uint8Array([1]), new Uint8Array([2, 3])];
  const pumping = pump(each(chunks), other);
  expect(await ask("pull")).toEqual({ chunk: new Uint8Array([1]).buffer });
  expect(chunks.map((chunk) => chunk.length)).toEqual([0, 2]); // the first has left this thread
  expect(await ask("pull")).toEqual({ chunk: new Uint8Array([2, 3]).buffer });
  expect(await ask("pull")).toEqual({ end: true });
  await pumping;
});

test("makes nothing unasked", async () => {
  const { ask, other } = channel();
  let made = 0;
  void pump(
    (async function* () {
      for (;;) yield new Uint8Array([made++]);
    })(),
    other,
  );
  await new Promise((later) => setTimeout(later, 20));
  expect(made).toBe(0);
  await ask("pull");
  await new Promise((later) => setTimeout(later, 20));
  expect(made).toBe(1);
});

test("tells both sides of an error", async () => {
  const { ask, other } = channel();
  const broken = (async function* (): AsyncGenerator<Bytes> {
    yield new Uint8Array([1]);
    throw new Error("the server is gone");
  })();
  const pumping = pump(broken, other);
  const failed = expect(pumping).rejects.toThrow("the server is gone");
  await ask("pull");
  expect(await ask("pull")).toEqual({ error: "the server is gone" });
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
  const pumping = pump(slow, other);
  port.postMessage("pull");
  await new Promise((later) => setTimeout(later, 5));
  port.postMessage("cancel");
  await pumping;
  await new Promise((later) => setTimeout(later, 30));
  expect(closed).toBe(true);
});

function channel() {
  const { port1: port, port2 } = new MessageChannel();
  const ask = async (request: string) => {
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
