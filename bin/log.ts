import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { FilesystemError } from "../src/ext4/error.ts";
import { read } from "../src/ext4/reader.ts";
import { layoutOf, type At } from "../src/image/contents.ts";
import { PIECES } from "../src/stick/layout.ts";
import { UsageError, understand } from "./errors.ts";
import { openInput, readAt, readInput } from "./input.ts";
import { systemReason } from "./reason.ts";
import { print } from "./terminal.ts";

/** What the kiosk keeps beside the piece (base/kiosk/rootfs/usr/lib/fedac/keep-log), the older one first. */
const LOGS = ["kiosk.log.1", "kiosk.log"];
/** The most bytes of one that are read: the kiosk keeps a quarter of that. */
const MOST = 1024 * 1024;
/** `s_magic` of ext4, where a file system of its own has it. */
const [MAGIC_AT, MAGIC] = [1080, 0xef53];

/** A log, by the name it is shown under. */
interface Log {
  readonly name: string;
  readonly text: string;
}

/**
 * `os log`: what the kiosk has kept of its last two starts, from an image, a stick with one, its piece partition alone, or the
 * folder in which a stick with files is mounted. Throws `UsageError`, and `RangeError` for what has none or is damaged.
 */
export async function log(args: string[]): Promise<void> {
  const { positionals } = understand(() => parseArgs({ args, allowPositionals: true, options: {} }));
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new UsageError("name one image, disk or folder");
  const isFolder = await stat(file).then((stats) => stats.isDirectory(), () => false); // prettier-ignore
  const all = await (isFolder ? onStick(file) : inImage(file));
  const logs = all.filter(({ text }) => text.trim() !== ""); // a stick is made with blank ones
  if (logs.length === 0) {
    throw new RangeError(
      `${file} has no log: the kiosk keeps one from two minutes after its start on, unless it is on a disc or came over a network; tiny keeps none`,
    );
  }
  for (const { name, text } of logs) {
    print(`== ${name}`);
    for (const line of text.trimEnd().split("\n")) print(line.replaceAll("\t", "    "));
  }
}

/** The logs beside all pieces of a stick with files, which any computer reads. */
async function onStick(root: string): Promise<Log[]> {
  const folders = await readdir(path.join(root, PIECES)).catch((error: NodeJS.ErrnoException) => {
    throw new RangeError(`${root} is no stick of ours: ${PIECES} cannot be read (${systemReason(error)})`, {
      cause: error,
    });
  });
  const logs: Log[] = [];
  for (const name of folders.sort().flatMap((folder) => LOGS.map((each) => path.join(folder, each)))) {
    const file = path.join(root, PIECES, name);
    const isThere = await stat(file).then(() => true, () => false); // prettier-ignore
    if (isThere) logs.push({ name, text: Buffer.from(await readInput(file, MOST)).toString() });
  }
  return logs;
}

async function inImage(file: string): Promise<Log[]> {
  const { handle, size } = await openInput(file, { disks: true });
  try {
    const at: At = (start, length) => readAt(file, handle, start, new Uint8Array(length));
    const piece = (await isFilesystem(at, size))
      ? { start: 0, length: size }
      : (await layoutOf(at, size)).piece;
    return await inPartition((start, length) => {
      if (start + length > piece.length) throw new RangeError("the file system is larger than its partition");
      return at(piece.start + start, length);
    });
  } catch (error) {
    if (!(error instanceof RangeError) || error.message.startsWith(`${file} `)) throw error;
    throw new RangeError(`${file}: ${error.message}`, { cause: error });
  } finally {
    await handle.close();
  }
}

/** Whether it is a file system from its first byte on, as the piece partition alone is. */
async function isFilesystem(at: At, size: number): Promise<boolean> {
  if (size < MAGIC_AT + 2) return false;
  const [low = 0, high = 0] = await at(MAGIC_AT, 2);
  return low + high * 256 === MAGIC;
}

/** Nothing of what the partition says is believed: sizes are bounded before memory is taken for them. */
async function inPartition(at: At): Promise<Log[]> {
  if ((await at(0, 4096)).every((byte) => byte === 0)) return []; // a base image
  const volume = await read(at);
  const logs: Log[] = [];
  for (const name of LOGS) {
    const content = await volume.file(name).catch((error: unknown) => {
      if (error instanceof FilesystemError && error.message.includes("no such file")) return undefined;
      throw error;
    });
    if (content === undefined) continue;
    if (content.length > MOST) {
      throw new RangeError(`${name} has ${content.length} bytes, and ${MOST} are the most that are taken`);
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of content.open()) chunks.push(chunk);
    logs.push({ name, text: Buffer.concat(chunks).toString() });
  }
  return logs;
}
