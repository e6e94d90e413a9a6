import { once } from "node:events";
import { expose } from "comlink";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Progress } from "../messages.ts";
import { info } from "../testing/states.ts";
import { Computer } from "../testing/computer.ts";
import { runClock } from "../time/run-clock.ts";
import type { BuildRequest, Builder, BuildListener } from "../worker/api.ts";
import { startBuildClient } from "./build-client.ts";

const progress: Progress = { fetched: 3, kept: 2, canKeep: true, written: 1 };
const request: BuildRequest = { pieces: ["notepat"], manifest: "", oven: "", keys: [], keep: true };
const silent: BuildListener = { onProgress() {}, onHeartbeat() {} };

/** A worker in this thread, with `builder` in it. */
class FakeWorker extends EventTarget {
  terminated = false;
  readonly #port: MessagePort;
  readonly #ports: MessageChannel;

  constructor(builder: Partial<Builder>) {
    super();
    this.#ports = new MessageChannel();
    const { port1, port2 } = this.#ports;
    this.#port = port1;
    port1.addEventListener("message", (event) =>
      this.dispatchEvent(new MessageEvent("message", { data: event.data })),
    );
    port1.start();
    expose(builder, port2);
  }

  postMessage(message: unknown, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  terminate(): void {
    this.terminated = true;
    this.#port.close();
  }

  break(): void {
    this.dispatchEvent(Object.assign(new Event("error"), { error: new Error("broken") }));
  }
}

const workers: FakeWorker[] = [];
beforeEach(() => void vi.stubGlobal("navigator", { onLine: true }));
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate();
  vi.unstubAllGlobals();
});

function start(builder: Partial<Builder>, listener = silent, clock = runClock) {
  const worker = new FakeWorker(builder);
  workers.push(worker);
  return { worker, client: startBuildClient(listener, worker as unknown as Worker, clock) };
}

const never = () => new Promise<never>(() => {});

test("what the worker reports comes to the listener", async () => {
  const told: unknown[] = [];
  const { client } = start(
    {
      async open(_, listener) {
        listener.onProgress(progress);
        listener.onHeartbeat();
        return info;
      },
    },
    { onProgress: (each) => told.push(each), onHeartbeat: () => told.push("heartbeat") },
  );
  expect(await client.open(request)).toEqual(info);
  await vi.waitFor(() => expect(told).toEqual([progress, "heartbeat"]));
});

test("the port for the bytes goes to the worker", async () => {
  const { port1, port2 } = new MessageChannel();
  const { client } = start({
    async send(port) {
      port.postMessage("a chunk");
    },
  });
  const coming = once(port2 as unknown as NodeJS.EventEmitter, "message").catch(() => []);
  port2.start();
  await client.send(port1);
  await coming;
  port2.close();
});

test("an error comes with its name and its causes", async () => {
  const cause = Object.assign(new Error("ECONNRESET"), { name: "Failure" });
  const { client } = start({
    open: () => Promise.reject(Object.assign(new Error("lost", { cause }), { name: "ConnectionError" })),
  });
  const error = await client.open(request).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "ConnectionError", message: "lost", cause: { name: "Failure" } });
});

test.each([
  [true, "The part of this page that builds images failed"],
  [false, "You are offline"],
])("a worker that breaks rejects what waits for it, online: %s", async (onLine, message) => {
  vi.stubGlobal("navigator", { onLine });
  const { worker, client } = start({ open: never, bundle: never });
  const all = Promise.allSettled([client.open(request), client.bundle("notepat"), client.broken]);
  worker.break();
  for (const result of await all)
    expect(result).toMatchObject({ reason: { message, cause: { message: "broken" } } });
});

test("the worker is ended when it has cleaned up", async () => {
  let finish = () => {};
  const close = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
  const { worker, client } = start({ close });
  const closing = client.close({ keep: true, cancelled: false });
  await vi.waitFor(() => expect(close).toHaveBeenCalledWith({ keep: true, cancelled: false }));
  expect(worker.terminated).toBe(false);
  finish();
  await closing;
  expect(worker.terminated).toBe(true);
});

test("one that does not clean up in time is ended all the same", async () => {
  const computer = new Computer();
  const { worker, client } = start({ close: never }, silent, computer.clock);
  const closing = client.close({ keep: true, cancelled: false });
  computer.sleep(3600_000); // in which it could not clean up: a second of it counts
  computer.run(3_999);
  await new Promise((next) => setImmediate(next));
  expect(worker.terminated).toBe(false);
  computer.run(1);
  await closing;
  expect(worker.terminated).toBe(true);
});

test("one that is broken is ended at once, whatever its clean-up fails with", async () => {
  const { worker, client } = start({ close: never });
  worker.break();
  await client.close({ keep: false, cancelled: true });
  expect(worker.terminated).toBe(true);
});
