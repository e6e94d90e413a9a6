import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { filesystem, type Entry } from "../src/ext4/filesystem.ts";
import { Sink } from "./ext4-sink.ts";

// One measured run in a process of its own: `ours` or `plain`, from a directory into an image. Bundled before it runs,
// as the app is.

const MIB = 1024 * 1024;

await runOnce(process.argv.slice(2));

/** One run in this process: once small to be warm, then measured. */
async function runOnce([how, tree, image, size]: readonly string[]): Promise<void> {
  const act = how === "ours" ? ours : plain;
  const small = mkdtempSync(path.join(tmpdir(), "bench-ext4-warm-"));
  for (let i = 0; i < 300; i++) writeFileSync(path.join(small, `${i}`), "warm");
  for (let i = 0; i < 3; i++) await act(small, path.join(small, "image"), 8 * MIB);
  rmSync(small, { recursive: true });

  const memory = process.memoryUsage().rss;
  const cpu = process.cpuUsage();
  const started = performance.now();
  await act(tree!, image!, Number(size));
  const wall = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const peak = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ wall, cpu: (user + system) / 1e6, memory: Math.max(peak - memory, 0) }));
}

async function ours(tree: string, image: string, size: number): Promise<void> {
  const entries: Entry[] = filesIn(tree).map(({ name, length, at }) => ({
    path: name,
    content: {
      length,
      async *open() {
        for (const chunk of chunksOf(at, length)) yield chunk;
      },
    },
  }));
  await intoFile(image, async (sink) => {
    await sink.take(
      filesystem(entries, { size, uuid: "3f1c9a52-7b1e-4c1d-9d53-0a4b8e6f2c71", time: 1_750_000_000 }),
    );
  });
}

/** The same bytes one after the other, without a file system around them. */
async function plain(tree: string, image: string, size: number): Promise<void> {
  await intoFile(image, async (sink) => {
    let left = size;
    for (const { length, at } of filesIn(tree)) {
      for (const chunk of chunksOf(at, length)) sink.bytes(chunk);
      left -= length;
    }
    sink.zeros(left);
  });
}

async function intoFile(image: string, fill: (sink: Sink) => Promise<void>): Promise<void> {
  const file = openSync(image, "w");
  let at = 0;
  const sink = new Sink(
    (chunk) => {
      writeSync(file, chunk, 0, chunk.length, at);
      at += chunk.length;
    },
    (length) => {
      at += length; // a hole, as mke2fs leaves them
    },
  );
  await fill(sink);
  sink.flush();
  ftruncateSync(file, at);
  closeSync(file);
}

function filesIn(tree: string): { name: string; at: string; length: number }[] {
  return readdirSync(tree, { recursive: true, encoding: "utf8" }).flatMap((name) => {
    const at = path.join(tree, name);
    const stat = statSync(at);
    return stat.isFile() && name !== "image" ? [{ name, at, length: stat.size }] : [];
  });
}

function* chunksOf(at: string, length: number): Generator<Uint8Array<ArrayBuffer>> {
  const file = openSync(at, "r");
  const chunk = new Uint8Array(Math.min(length, MIB));
  for (let done = 0; done < length; done += MIB) yield chunk.subarray(0, readSync(file, chunk));
  closeSync(file);
}
