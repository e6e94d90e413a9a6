/// <reference lib="webworker" />
import { filesystem, type Entry } from "../src/ext4/filesystem.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { Sink } from "./ext4-sink.ts";
import type { Job, Times } from "./ext4-worker.ts";

// Runs in the worker. Chunks are thrown away: what they cost beyond is the same for everyone.

const MIB = 1024 * 1024;
const large: Bytes = new Uint8Array(8 * MIB).map((_, i) => (i * 7) ^ (i >> 8));

addEventListener("message", (event: MessageEvent<{ job: Job; how: "ours" | "plain" | "both" }>) => {
  void answer(event.data.job, event.data.how).then((times) => postMessage(times));
});

async function answer(job: Job, how: "ours" | "plain" | "both"): Promise<Times> {
  const times: Record<"ours" | "plain", number[]> = { ours: [], plain: [] };
  for (let round = 0; round < job.rounds; round++) {
    if (how !== "plain") times.ours.push(await timed(() => ours(job)));
    if (how !== "ours") times.plain.push(await timed(() => plain(job)));
  }
  return { ours: Math.min(...times.ours), plain: Math.min(...times.plain), first: times.ours[0] ?? 0 };
}

async function ours({ files, options }: Job): Promise<void> {
  const entries = files.map(({ path, length }): Entry => {
    const content =
      length <= large.length ? large.subarray(0, length) : { length, open: () => chunks(length) };
    return { path, content };
  });
  const sink = new Sink(forget, forget);
  await sink.take(filesystem(entries, options));
  sink.flush();
}

async function plain({ files, size }: Job): Promise<void> {
  const sink = new Sink(forget, forget);
  let left = size;
  for (const { length } of files) {
    if (length <= large.length) sink.bytes(large.subarray(0, length));
    else for await (const chunk of chunks(length)) sink.bytes(chunk);
    left -= length;
  }
  sink.zeros(left);
  sink.flush();
}

async function* chunks(length: number): AsyncGenerator<Bytes> {
  for (let left = length; left > 0; left -= MIB) yield large.subarray(0, Math.min(left, MIB));
}

async function timed(act: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await act();
  return (performance.now() - started) / 1000;
}

function forget(): void {}
