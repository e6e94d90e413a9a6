import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { filesystem, plan, type Entry } from "../src/ext4/filesystem.ts";
import { Sink } from "./ext4-sink.ts";
import { inChromium } from "./ext4-worker.ts";

// `npx tsx bench/ext4.ts [a b c d e]`: our ext4 writer against `mke2fs -d`, and against writing the same bytes with no
// file system at all, alternating. In Node every run is a process of its own that reads the files from a directory
// and writes an image, as mke2fs does; in Chromium a worker makes the image from memory, into 4 MiB chunks. Prints
// the least of several runs, taking turns, and ratios: the machine may be busy, so only the ratios mean much.

const MIB = 1024 * 1024;
const ROUNDS = 5;
/** `mke2fs -d` puts names into a directory by going through all before it: 100,000 take it longer than anyone waits. */
const PATIENCE = 60;

interface Case {
  readonly what: string;
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly length: number }[];
}

const many = (count: number, length: number, directories: number) =>
  Array.from({ length: count }, (_, i) => ({
    path: `d${i % directories}/file number ${i}`,
    length: Math.round(length * (0.5 + ((i * 7919) % 1000) / 1000)),
  }));

const CASES: Record<string, Case> = {
  a: { what: "a piece of 5 MB into 20 MiB", size: 20 * MIB, files: [{ path: "piece.html", length: 5e6 }] },
  b: { what: "1,000 files, 29 MB, into 256 MiB", size: 256 * MIB, files: many(1000, 29_000, 10) },
  c: { what: "20,000 files, 80 MB, into 1 GiB", size: 1024 * MIB, files: many(20_000, 4000, 200) },
  d: { what: "one file of 1.5 GB into 2 GiB", size: 2048 * MIB, files: [{ path: "large", length: 1.5e9 }] },
  e: { what: "100,000 files in one directory, into 1 GiB", size: 1024 * MIB, files: many(100_000, 100, 1) },
};

const options = (size: number) => ({
  size,
  uuid: "3f1c9a52-7b1e-4c1d-9d53-0a4b8e6f2c71",
  time: 1_750_000_000,
});

/** Seconds of wall and processor, and bytes of memory at the peak above those at the start. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
  readonly memory: number;
}

const [first, ...rest] = process.argv.slice(2);
if (first === "run") await runOnce(rest);
else await runAll(first === undefined ? Object.keys(CASES) : [first, ...rest]);

async function runAll(names: readonly string[]): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "bench-ext4-"));
  try {
    for (const name of names) {
      const { what, size, files } = CASES[name]!;
      const tree = path.join(folder, name);
      makeTree(tree, CASES[name]!);
      const image = path.join(folder, `${name}.image`);
      const costs: Record<"ours" | "plain" | "mke2fs", Cost[]> = { ours: [], plain: [], mke2fs: [] };
      const contenders = [
        () => costs.plain.push(inChild("plain", tree, image, size)),
        () => {
          costs.ours.push(inChild("ours", tree, image, size));
          checkImage(image);
        },
        () => {
          if (name !== "e" || costs.mke2fs.length === 0) costs.mke2fs.push(mke2fs(tree, image, size));
        },
      ];
      for (let round = 0; round < ROUNDS; round++) {
        for (let i = 0; i < contenders.length; i++) {
          rmSync(image, { force: true });
          contenders[(round + i) % contenders.length]!();
        }
      }
      console.log(`\n(${name}) ${what}: ${overhead(name)} of the image is not the files' bytes or free`);
      row("Node, files to image", least(costs.ours), least(costs.plain), least(costs.mke2fs));
      rmSync(tree, { recursive: true });
      rmSync(image, { force: true });
      const worker = await inChromium({
        size,
        files,
        rounds: "ab".includes(name) ? 30 : ROUNDS,
        options: options(size),
      });
      row("Chromium worker, memory to chunks", worker.ours, worker.plain);
      if (name === "a") console.log(`    the first time, cold: ${(worker.first * 1000).toFixed(1)} ms`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function row(what: string, own: Cost, bare: Cost, theirs?: Cost): void {
  const text = (name: string, value: (cost: Cost) => number, unit: string, digits: number) => {
    const [o, p, t] = [value(own), value(bare), theirs && value(theirs)];
    const more = t === undefined ? "" : ` · mke2fs ${t.toFixed(digits)}, ratio ${(o / t).toFixed(2)}`;
    console.log(
      `    ${name.padEnd(8)} ours ${o.toFixed(digits)} ${unit} · plain ${p.toFixed(digits)}, ratio ${(o / p).toFixed(2)}${more}`,
    );
  };
  console.log(`  ${what}`);
  text("wall", ({ wall }) => wall * 1000, "ms", 1);
  text("CPU", ({ cpu }) => cpu * 1000, "ms", 1);
  text("memory", ({ memory }) => memory / MIB, "MiB more", 1);
}

/** What the image costs beyond the files' bytes, as a share of it. */
function overhead(name: string): string {
  const { size, files } = CASES[name]!;
  const entries = files.map(({ path: at, length }) => ({ path: at, content: { length, async *open() {} } }));
  const used = size - plan(entries, options(size)).freeBytes;
  const bytes = files.reduce((sum, { length }) => sum + length, 0);
  return `${(((used - bytes) / size) * 100).toFixed(1)} %`;
}

function makeTree(tree: string, { files }: Case): void {
  const chunk = new Uint8Array(8 * MIB).map((_, i) => (i * 7) ^ (i >> 8));
  for (const { path: at, length } of files) {
    mkdirSync(path.join(tree, path.dirname(at)), { recursive: true });
    if (length <= chunk.length) {
      writeFileSync(path.join(tree, at), chunk.subarray(0, length));
      continue;
    }
    const file = openSync(path.join(tree, at), "w");
    for (let left = length; left > 0; left -= chunk.length)
      writeSync(file, chunk, 0, Math.min(left, chunk.length));
    closeSync(file);
  }
}

function inChild(how: "ours" | "plain", tree: string, image: string, size: number): Cost {
  const args = ["--import", "tsx", import.meta.filename, "run", how, tree, image, `${size}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own, from below
  return JSON.parse(stdout) as Cost;
}

function mke2fs(tree: string, image: string, size: number): Cost {
  writeFileSync(image, "");
  truncateSync(image, size);
  const features = "^resize_inode,^orphan_file,^metadata_csum_seed";
  const args = [
    "-f",
    "%e %U %S %M",
    "timeout",
    `${PATIENCE}`,
    "mke2fs",
    "-q",
    "-F",
    "-t",
    "ext4",
    "-O",
    features,
  ];
  const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  if (!existsSync("/usr/bin/time")) throw new Error("/usr/bin/time not found: apt install time");
  const settings = { encoding: "utf8", env: { ...process.env, PATH } } as const;
  const { stderr } = spawnSync("/usr/bin/time", [...args, "-m", "0", "-d", tree, image], settings);
  const [wall, user, system, memory] = stderr.trim().split("\n").at(-1)!.split(" ").map(Number);
  if (wall === undefined || !Number.isFinite(wall)) throw new Error(stderr);
  if (wall >= PATIENCE) console.log(`mke2fs was stopped after ${PATIENCE} s`);
  return { wall, cpu: user! + system!, memory: memory! * 1024 };
}

function checkImage(image: string): void {
  const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  const { status, stdout } = spawnSync("e2fsck", ["-fn", image], {
    encoding: "utf8",
    env: { ...process.env, PATH },
  });
  if (status !== 0) throw new Error(stdout);
}

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
    await sink.take(filesystem(entries, options(size)));
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

/** The least disturbed run counts, each measure for itself. */
function least(costs: readonly Cost[]): Cost {
  const of = (value: (cost: Cost) => number) => Math.min(...costs.map(value));
  return { wall: of(({ wall }) => wall), cpu: of(({ cpu }) => cpu), memory: of(({ memory }) => memory) };
}
