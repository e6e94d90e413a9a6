import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { plan } from "../src/ext4/filesystem.ts";
import { bundle, inChromium } from "./ext4-worker.ts";

// `npx tsx bench/ext4.ts [a b c d e]`: our ext4 writer against `mke2fs -d`, and against writing the same bytes with no
// file system at all, alternating. In Node every run is a process of its own that reads the files from a directory
// and writes an image, as mke2fs does; in Chromium a worker makes the image from memory, into 4 MiB chunks. Prints
// the least of several runs, taking turns, and ratios: the machine may be busy, so only the ratios mean much.

const MIB = 1024 * 1024;
/** Who comes when in each round: what runs before leaves the machine's memory in one state or another. */
const ORDERS = [
  [0, 1, 2],
  [1, 0, 2],
  [2, 1, 0],
  [0, 2, 1],
  [2, 0, 1],
  [1, 2, 0],
] as const;
const ROUNDS = ORDERS.length;
/** `mke2fs -d` puts names into a directory by going through all before it: 100,000 take it longer than anyone waits. */
const GIVE_UP_AFTER_SECONDS = 60;

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
await runAll(first === undefined ? Object.keys(CASES) : [first, ...rest]);

async function runAll(names: readonly string[]): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "bench-ext4-"));
  const script = path.join(folder, "run.mjs");
  writeFileSync(script, await bundle("ext4-node.ts", true));
  try {
    for (const name of names) {
      const { what, size, files } = CASES[name]!;
      const tree = path.join(folder, name);
      makeTree(tree, CASES[name]!);
      const image = path.join(folder, `${name}.image`);
      const costs: Record<"ours" | "plain" | "mke2fs", Cost[]> = { ours: [], plain: [], mke2fs: [] };
      const contenders = [
        () => costs.plain.push(inChild(script, "plain", tree, image, size)),
        () => {
          costs.ours.push(inChild(script, "ours", tree, image, size));
          checkImage(image);
        },
        () => {
          if (name !== "e" || costs.mke2fs.length === 0) costs.mke2fs.push(mke2fs(tree, image, size));
        },
      ];
      for (let round = 0; round < ROUNDS; round++) {
        for (let i = 0; i < contenders.length; i++) {
          touchMemory(image, files);
          contenders[ORDERS[round]![i]!]!();
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

/** Pages that were never used cost a virtual machine far more than copying: have some ready for everyone alike. */
function touchMemory(image: string, files: Case["files"]): void {
  const bytes = files.reduce((sum, { length }) => sum + length, 0);
  makeFile(image, bytes, new Uint8Array(8 * MIB));
  rmSync(image);
}

function makeFile(at: string, length: number, chunk: Uint8Array): void {
  const file = openSync(at, "w");
  for (let left = length; left > 0; left -= chunk.length)
    writeSync(file, chunk, 0, Math.min(left, chunk.length));
  closeSync(file);
}

function makeTree(tree: string, { files }: Case): void {
  const chunk = new Uint8Array(8 * MIB).map((_, i) => (i * 7) ^ (i >> 8));
  for (const { path: at, length } of files) {
    mkdirSync(path.join(tree, path.dirname(at)), { recursive: true });
    makeFile(path.join(tree, at), length, chunk);
  }
}

function inChild(script: string, how: "ours" | "plain", tree: string, image: string, size: number): Cost {
  const args = [script, how, tree, image, `${size}`];
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
    `${GIVE_UP_AFTER_SECONDS}`,
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
  if (wall >= GIVE_UP_AFTER_SECONDS) console.log(`mke2fs was stopped after ${GIVE_UP_AFTER_SECONDS} s`);
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

/** The least disturbed run counts, each measure for itself. */
function least(costs: readonly Cost[]): Cost {
  const of = (value: (cost: Cost) => number) => Math.min(...costs.map(value));
  return { wall: of(({ wall }) => wall), cpu: of(({ cpu }) => cpu), memory: of(({ memory }) => memory) };
}
