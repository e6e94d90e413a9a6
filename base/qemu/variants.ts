import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { open, stat, truncate, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { filesystem } from "../../src/ext4/filesystem.ts";
import { read } from "../../src/ext4/reader.ts";
import { GPT_LENGTH, parseGpt, type Partition } from "../../src/image/gpt.ts";
import { formatOsJson, type OsJson, parseOsJson } from "../../src/image/os-json.ts";
import { extentsOf } from "./squashfs.ts";
import { lengthOf, type Bytes } from "../../src/bytes/segment.ts";

/**
 * What can become of an image on the way to a computer:
 * `whole` nothing · `empty` zeros in the piece partition · `wrong` a piece that is not what os.json says ·
 * `missing` no third partition · `twin` a second stick of the same base with another piece, found first ·
 * `grown` on a disk that is larger, its backup table left in the middle · a bit is another in the root: `lost` in a program
 * that runs, `tree` in the hash tree, `start` in its first block.
 */
export const VARIANTS = [
  "whole",
  "empty",
  "wrong",
  "missing",
  "twin",
  "grown",
  "lost",
  "tree",
  "start",
] as const;
/** One of `VARIANTS`. */
export type Variant = (typeof VARIANTS)[number];

/** An image as a variant of it, and what it must say. */
interface Varied {
  /** What to start, and what else to plug in. */
  readonly image: string;
  readonly extraDisks: readonly string[];
  /** What its line on the serial console begins with. */
  readonly expected: string;
}

const LABEL = "FEDAC-PIECE";
const LIVE = "FEDAC-LIVE";
const GIB = 2 ** 30;

/** Make a variant of `image` in `folder`; the image itself stays as it is. Throws `RangeError` for what is no image of ours. */
export async function vary(image: string, variant: Variant, folder: string): Promise<Varied> {
  const expected = EXPECTED[variant] ?? (await expectedOf(image));
  if (variant === "whole") return { image, extraDisks: [], expected };
  const copy = join(folder, `${variant}.img`);
  execFileSync("cp", ["--sparse=always", "--reflink=auto", image, copy]);
  await CHANGES[variant](copy);
  if (variant === "twin") return { image, extraDisks: [copy], expected };
  return { image: copy, extraDisks: [], expected };
}

const NO_FILE_SYSTEM = "NOPIECE no-filesystem ";

/** What a stick says that does not have the image's own piece. */
const EXPECTED: Partial<Record<Variant, string>> = {
  empty: NO_FILE_SYSTEM,
  missing: NO_FILE_SYSTEM,
  wrong: "NOPIECE piece-sha256 ",
  lost: "NOPIECE damaged ",
  tree: "NOPIECE no-system ",
  start: "NOPIECE no-system ",
};

const CHANGES: Record<Exclude<Variant, "whole">, (copy: string) => Promise<void>> = {
  empty: (copy) => fill(copy, ({ length }) => [new Uint8Array(length)]),
  wrong: (copy) => fill(copy, (piece) => otherPiece(piece, "0".repeat(64))),
  twin: (copy) => fill(copy, (piece) => otherPiece(piece, sha256(OTHER))),
  grown: async (copy) => await truncate(copy, Math.ceil((await stat(copy)).size / GIB + 1) * GIB),
  lost: async (copy) => {
    // All of a program is never read, and which of it is not known
    const inBrowser = await loseBits(copy, "/usr/lib/chromium/chromium", 8).catch(() => 0);
    if (inBrowser === 0) await loseBits(copy, "/usr/bin/busybox", 4);
  },
  tree: async (copy) => {
    await withImage(copy, "r+", LIVE, async (handle, { start }) => {
      // `bytes_used` of the squashfs, in whole blocks of dm-verity's; the tree begins there, with its top
      const used = Number(Buffer.from(await bytesOf(handle, start + 40, 8)).readBigUInt64LE(0));
      await flip(handle, start + Math.ceil(used / 4096) * 4096);
    });
  },
  start: (copy) => withImage(copy, "r+", LIVE, (handle, { start }) => flip(handle, start)),
  missing: async (copy) => {
    const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
    execFileSync("sgdisk", ["--delete=3", copy], { stdio: "ignore", env });
  },
};

/** What the image as it is must say: its piece as os.json has it. */
async function expectedOf(image: string): Promise<string> {
  return await withImage(image, "r", LABEL, async (handle, { start, length }) => {
    const first = await bytesOf(handle, start, 4096);
    if (first.every((byte) => byte === 0)) return NO_FILE_SYSTEM;
    const volume = await read((from, count) => bytesOf(handle, start + from, Math.min(count, length - from)));
    const chunks: Bytes[] = [];
    for await (const entry of volume.entries()) {
      if (entry.path !== "os.json" || !("content" in entry)) continue;
      const { content } = entry;
      if (content instanceof Uint8Array) chunks.push(content);
      else for await (const chunk of content.open()) chunks.push(chunk);
    }
    const os = parseOsJson(Buffer.concat(chunks).toString());
    return `PIECE ${os.piece} ${os.sha256} ${os.size}`;
  });
}

const OTHER = new TextEncoder().encode("<!doctype html><title>another piece</title>\n");

/** A file system with the right label and a piece of ours, which os.json says has `hash`. */
function otherPiece({ length }: Partition, hash: string): Bytes[] {
  const os: OsJson = {
    format: 1,
    piece: "another",
    size: OTHER.length,
    sha256: hash,
    base: "another",
    allow: [],
  };
  const files = [
    { path: "piece.html", content: OTHER },
    { path: "os.json", content: new TextEncoder().encode(formatOsJson(os)) },
  ];
  const uuid = "0ddba11a-0000-8000-8000-000000000000";
  const made = filesystem(files, { size: length, label: LABEL, uuid, time: 0 });
  return [...made].map((segment) =>
    segment.kind === "bytes" ? segment.bytes : new Uint8Array(lengthOf(segment)),
  );
}

async function fill(image: string, contents: (piece: Partition) => Bytes[]): Promise<void> {
  await withImage(image, "r+", LABEL, async (handle, piece) => {
    let at = piece.start;
    for (const bytes of contents(piece)) {
      await handle.write(bytes, 0, bytes.length, at);
      at += bytes.length;
    }
  });
}

/**
 * Have `image` another bit in the middle of each `every`th block of a file in its root, from the second on, or else of the
 * only one; how many blocks. Throws `RangeError` when there is no such file.
 */
export async function loseBits(image: string, path: string, every: number): Promise<number> {
  return await withImage(image, "r+", LIVE, async (handle, { start }) => {
    const blocks = await extentsOf(handle, start, path);
    const chosen = blocks.length === 1 ? blocks : blocks.filter((_, i) => i % every === 1);
    for (const block of chosen) await flip(handle, start + block.start + Math.floor(block.length / 2));
    return chosen.length;
  });
}

async function flip(handle: FileHandle, at: number): Promise<void> {
  const bytes = await bytesOf(handle, at, 1);
  bytes[0]! ^= 0x10;
  await handle.write(bytes, 0, 1, at);
}

async function withImage<T>(
  path: string,
  mode: "r" | "r+",
  label: string,
  use: (handle: FileHandle, partition: Partition) => Promise<T>,
): Promise<T> {
  const handle = await open(path, mode);
  try {
    const { size } = await handle.stat();
    const partitions = await parseGpt(await bytesOf(handle, 0, GPT_LENGTH), size);
    const partition = partitions.find((each) => each.label === label);
    if (!partition) throw new RangeError(`${path} has no partition ${label}: it is no image of ours`);
    return await use(handle, partition);
  } finally {
    await handle.close();
  }
}

async function bytesOf(handle: FileHandle, start: number, length: number): Promise<Bytes> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, start);
  if (bytesRead !== length) throw new RangeError(`${bytesRead} of ${length} bytes at ${start}`);
  return bytes;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
