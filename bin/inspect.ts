import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { parseArgs } from "node:util";
import { read, type Volume } from "../src/ext4/reader.ts";
import { checkBackupGpt, GPT_LENGTH, parseGpt, type Partition } from "../src/image/gpt.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { UsageError, understand } from "./errors.ts";
import { reason } from "./files.ts";

const PIECE_LABEL = "FEDAC-PIECE";
const TAIL = GPT_LENGTH; // the backup table is shorter than the primary one by the MBR

/**
 * `os inspect`: what is in an image, as tables. Throws `UsageError`, and `RangeError` for a file that is no image or is
 * damaged.
 */
export async function inspect(args: string[]): Promise<void> {
  const { positionals } = understand(() => parseArgs({ args, allowPositionals: true, options: {} }));
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError("name one image");
  let handle: FileHandle;
  try {
    handle = await open(file);
  } catch (error) {
    throw new RangeError(`${file} cannot be read: ${reason(error)}`, { cause: error });
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new RangeError(`${file} is not a file`);
    const { size } = stats;
    const at = (start: number, length: number) => bytesOf(handle, start, length);
    const head = await at(0, Math.min(GPT_LENGTH, size));
    const partitions = await parseGpt(head, size);
    await checkBackupGpt(await at(size - TAIL, TAIL), size);
    table(
      ["number", "label", "start", "length"],
      partitions.map(({ number, label, start, length }) => [number, printable(label), start, length]),
    );
    const piece = partitions.find(({ label }) => label === PIECE_LABEL);
    if (!piece) throw new RangeError(`${file} has no partition ${PIECE_LABEL}: it is no image of ours`);
    console.log();
    table(["piece", ""], await describe(piece, at));
  } finally {
    await handle.close();
  }
}

async function describe(
  { start, length }: Partition,
  at: (start: number, length: number) => Promise<Bytes>,
): Promise<[string, string | number][]> {
  const empty = (await at(start, 4096)).every((byte) => byte === 0);
  if (empty) return [["name", "none: this is a base image"]];
  const volume = await read((from, count) => {
    if (from + count > length) throw new RangeError("the file system is larger than its partition");
    return at(start + from, count);
  });
  const os = description(await content(volume, "os.json"));
  const html = await content(volume, "piece.html");
  const sha256 = createHash("sha256").update(html).digest("hex");
  const files: string[] = [];
  for await (const entry of volume.entries())
    if (entry.kind === undefined || entry.kind === "file") files.push(entry.path);
  return [
    ["name", printable(os["piece"])],
    ["base", printable(os["base"])],
    ["piece.html", `${html.length} bytes`],
    ["SHA-256", sha256 === os["sha256"] ? sha256 : `${sha256}, and os.json says ${printable(os["sha256"])}`],
    ["files", files.map(printable).join(", ")],
    [
      "file system",
      `ext4, ${volume.blockSize} byte blocks, ${volume.freeBytes} bytes free, UUID ${volume.uuid}`,
    ],
  ];
}

function description(json: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(json.toString()) as Record<string, unknown>;
  } catch (error) {
    throw new RangeError("os.json is not JSON", { cause: error });
  }
}

async function content(volume: Volume, path: string): Promise<Buffer> {
  const chunks: Bytes[] = [];
  for await (const chunk of (await volume.file(path)).open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function bytesOf(handle: FileHandle, start: number, length: number): Promise<Bytes> {
  const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, start);
  if (bytesRead < length) throw new RangeError(`the file ends at ${start + bytesRead}`);
  return buffer;
}

function table(head: string[], rows: (string | number)[][]): void {
  const all = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  const numeric = head.map((_, i) => rows.every((row) => typeof row[i] === "number"));
  for (const row of all) {
    const cells = row.map((cell, i) =>
      numeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
    );
    console.log(cells.join("  ").trimEnd());
  }
}

/** What an image says of itself, safe to print on a terminal. */
function printable(text: unknown): string {
  return String(text)
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, 200);
}
