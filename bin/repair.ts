import { parseArgs } from "node:util";
import { BufferPool } from "../src/bytes/buffer-pool.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { SaveError } from "../src/errors.ts";
import { orderedWindows, type WindowSources } from "../src/fetch/downloader.ts";
import {
  checkBackupGpt,
  diskSizeOf,
  GPT_LENGTH,
  parseGpt,
  type Partition,
  SECTOR,
} from "../src/image/gpt.ts";
import { type Manifest, WINDOW, windowsOf } from "../src/release/manifest.ts";
import { VERSION } from "../src/release/version.ts";
import { lengthOfWindow, type Windows } from "../src/release/windows.ts";
import { asTold, BASE_OPTIONS, openBase } from "./base.ts";
import { leaveBehind, withWhatIsLeft } from "./cancel.ts";
import { type At, layoutOf, namesOf, piecesIn } from "./contents.ts";
import { understand, UsageError } from "./errors.ts";
import { type Input, openInput, readAt } from "./input.ts";
import { inputSeed, isRight } from "./input-seed.ts";
import { flush, openReader, openTarget, type Target, writeAt } from "./target.ts";
import { print, showProgress } from "./terminal.ts";

/** Boot code at the start of the MBR, in bytes; partition tools leave it as it is. */
const BOOT_CODE = 440;

/** What is to be written, at `start`. */
interface Patch {
  readonly start: number;
  readonly bytes: Bytes;
}

/**
 * `os repair`: verify an image in a file or on a stick against the signed manifest of its base, and write again what is
 * wrong. Throws `UsageError`, `RangeError` for what is no image of ours or has a damaged piece, and the errors of
 * `src/errors.ts`.
 */
export async function repair(args: string[]): Promise<void> {
  const parsed = parse(args);
  const [file, ...more] = parsed.positionals;
  if (file === undefined || more.length > 0) throw new UsageError("repair takes one image or device");
  const { values } = parsed;
  const target = values.check ? undefined : await openTarget(file, { removableOnly: false });
  const input = target ?? (await openInput(file, { disks: true }));
  try {
    const found = await examine(file, input, values);
    let words = "All of its base is whole.";
    if (found.wrong > 0) {
      if (!target) throw damaged(file, found);
      await mend(target, found);
      words = `${found.bytes} bytes of its base were wrong; they were written again, and read back.`;
    }
    await finish(file, found, words);
  } catch (error) {
    throw asTold(error, values);
  } finally {
    await input.handle.close();
  }
}

function parse(args: string[]) {
  return understand(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: { ...BASE_OPTIONS, check: { type: "boolean", default: false } },
    }),
  );
}

type Values = ReturnType<typeof parse>["values"];

function damaged(file: string, { bytes }: Examined): RangeError {
  return new RangeError(
    `${file} is damaged: ${bytes} bytes of its base lie in windows that are wrong; without --check they are written again`,
  );
}

async function mend(target: Target, { patches }: Examined): Promise<void> {
  const { file } = target;
  leaveBehind(`${file} is mended in part only: do it again`);
  try {
    for await (const { start, bytes } of patches()) {
      await writeAt(target, start, bytes);
      await flush(target);
      await compare(file, start, bytes);
    }
  } catch (error) {
    if (!(error instanceof SaveError)) throw error;
    throw new SaveError(withWhatIsLeft(error.message), { cause: error });
  }
  leaveBehind("");
}

/** Throws `SaveError` unless `bytes` are read back from `start`. */
async function compare(file: string, start: number, bytes: Bytes): Promise<void> {
  const reader = await openReader(file);
  try {
    // In whole sectors, which reading past the cache takes alone
    const from = start - (start % SECTOR);
    const length = Math.ceil((start + bytes.length - from) / SECTOR) * SECTOR;
    const found = await reader.read(from, length);
    if (Buffer.compare(found.subarray(start - from, start - from + bytes.length), bytes) === 0) return;
    throw new SaveError(`${file} does not keep what is written to it, at byte ${start}: take another`);
  } finally {
    await reader.handle.close();
  }
}

/** What is known of an image once all of its base has been read. */
interface Examined {
  readonly manifest: Manifest;
  /** How many windows are wrong, and their length together in bytes. */
  readonly wrong: number;
  readonly bytes: number;
  readonly at: At;
  /** Whether the partition table is another than the image's, and holds. */
  readonly hasOwnTable: boolean;
  /** What mends it, the partition table last. Throws what `orderedWindows` throws. */
  patches(): AsyncGenerator<Patch>;
}

/** Throws `RangeError` when it is no image of the base that it names, or names none. */
async function examine(file: string, input: Input, values: Values): Promise<Examined> {
  const at: At = (start, length) => readAt(file, input.handle, start, new Uint8Array(length));
  const wanted = await baseOf(file, at, input.size, values);
  const stop = new AbortController().signal; // a signal ends the whole program
  const { manifest, sources } = await openBase({ ...values, ...wanted }, stop);
  const windows = windowsOf(manifest);
  checkLength(file, input.size, manifest.image.size);
  print(`${file}: ${manifest.name} ${manifest.flavor} ${manifest.version}`);

  const all: WindowSources = { ...sources, windows };
  const pool = new BufferPool(WINDOW);
  const wrong = await wrongWindows(file, input, manifest, windows);
  const last = windows.digests.length - 1;
  let own: readonly Patch[] | undefined;
  if (wrong.includes(0)) {
    for await (const first of orderedWindows(all, 0, 1, pool, stop)) {
      own = await besideOwnTable(at, input.size, first, manifest.image.size);
      if (!own) await checkBehind(file, at, input.size, manifest);
    }
  }
  const isOwn = own !== undefined;
  // With a table of its own, what follows the piece partition is no backup of ours, and may be somebody's partition.
  const left = wrong.filter((index) => !isOwn || (index !== 0 && index !== last));
  const patches = own ?? [];
  const bytes =
    left.reduce((sum, index) => sum + lengthOfWindow(windows, index), 0) +
    patches.reduce((sum, patch) => sum + patch.bytes.length, 0);
  return {
    manifest,
    wrong: left.length + patches.length,
    bytes,
    at,
    hasOwnTable: isOwn,
    async *patches() {
      for (const { first, end } of runsOf(left)) {
        let index = first;
        for await (const window of orderedWindows(all, first, end, pool, stop)) {
          showProgress(`mending ${file}, window ${index} of ${last + 1}`);
          yield { start: index * WINDOW, bytes: window };
          pool.release(window.buffer);
          index++;
        }
      }
      yield* patches;
    },
  };
}

/** The flavor and version that are asked for: those of the options, or those that the image says it was made from. */
async function baseOf(file: string, at: At, size: number, values: Values) {
  const { flavor, version, manifest = "" } = values;
  if (version !== undefined || manifest.endsWith("/manifest.json") || manifest === "manifest.json") {
    return { flavor, version };
  }
  let why = "nothing on it says so";
  try {
    await checkWhole(file, at, size);
    const { piece } = await layoutOf(at, size);
    const listing = await piecesIn((start, length) => at(piece.start + start, length), piece.length);
    const [, itsFlavor, itsVersion] = /^\S+ (\S+) (\S+)$/.exec(listing?.base ?? "") ?? [];
    if (VERSION.test(itsVersion ?? "")) return { flavor: flavor ?? itsFlavor, version: itsVersion };
  } catch (error) {
    if (!(error instanceof RangeError) || error.message.startsWith(`${file} `)) throw error;
    why = error.message;
  }
  throw new RangeError(`${file}: which base it has cannot be read (${why}): say --flavor and --version`);
}

async function checkWhole(file: string, at: At, size: number): Promise<void> {
  checkLength(file, size, await diskSizeOf(await at(0, Math.min(GPT_LENGTH, size))));
}

function checkLength(file: string, size: number, wanted: number): void {
  if (size >= wanted) return;
  throw new RangeError(
    `${file} is cut off: it has ${size} of the ${wanted} bytes of its image; build a new one, --from ${file}, and only the rest is fetched`,
  );
}

/**
 * Which windows are not as the manifest says, but for those of the piece partition, which nothing signed describes. Throws
 * `RangeError` when most of them are: then it is another base, or nothing that is worth mending.
 */
async function wrongWindows(
  file: string,
  input: Input,
  manifest: Manifest,
  windows: Windows,
): Promise<number[]> {
  const { start, length } = manifest.piecePartition;
  const seed = inputSeed(file, input, windows);
  const pool = new BufferPool(WINDOW);
  const wrong: number[] = [];
  const count = windows.digests.length;
  for (let index = 0; index < count; index++) {
    showProgress(`reading ${file}, ${Math.floor((100 * index) / count)} %`);
    const isPiece = index >= start / WINDOW && index < (start + length) / WINDOW;
    if (!isPiece && !(await isRight(seed, windows, index, pool))) wrong.push(index);
  }
  // The first and the last window hold partition tables, which tools change as a whole.
  const tells = (index: number) => index !== 0 && index !== count - 1 && windows.digests[index] !== "zeros";
  const content = [...windows.digests.keys()].filter(tells).length;
  const bad = wrong.filter(tells).length;
  if (2 * bad <= content) return wrong;
  throw new RangeError(
    `${file} is no image of ${manifest.flavor} ${manifest.version}, or hardly anything is left of it (${bad} of ${content} windows are others): put a whole image there`,
  );
}

/**
 * What is wrong beside the partition table, when that is sound, has all partitions of the image where they are, and is
 * another: a partition tool has moved its backup to the end of the disk, or has put another partition behind. Such a table
 * is left as it is. `undefined` when the table is the image's, or is broken. `first` is the image's first window.
 */
async function besideOwnTable(
  at: At,
  size: number,
  first: Bytes,
  imageSize: number,
): Promise<readonly Patch[] | undefined> {
  const here = await at(0, first.length);
  const isImages =
    Buffer.compare(here.subarray(SECTOR, GPT_LENGTH), first.subarray(SECTOR, GPT_LENGTH)) === 0;
  const theirs = isImages ? undefined : await tableIn(at, size);
  if (!theirs) return undefined;
  const same = (one: Partition) => (other: Partition) =>
    one.number === other.number &&
    one.label === other.label &&
    one.start === other.start &&
    one.length === other.length;
  const ours = await parseGpt(first, imageSize);
  if (!ours.every((partition) => theirs.some(same(partition)))) return undefined;
  return [
    { start: GPT_LENGTH, bytes: first.slice(GPT_LENGTH) },
    { start: 0, bytes: first.slice(0, BOOT_CODE) },
  ].filter(({ start, bytes }) => Buffer.compare(here.subarray(start, start + bytes.length), bytes) !== 0);
}

/**
 * Where a partition tool has moved the backup to the end of a larger disk and the table in front is broken, that backup
 * is the table that counts: ours would take the partitions behind the image away. Throws `RangeError`.
 */
async function checkBehind(
  file: string,
  at: At,
  size: number,
  { image, piecePartition }: Manifest,
): Promise<void> {
  if (size < image.size + GPT_LENGTH || size % SECTOR !== 0) return;
  const tail = await at(size - GPT_LENGTH, GPT_LENGTH);
  if (!Buffer.from(tail).includes(Buffer.from(piecePartition.label, "utf16le"))) return; // of another disk, if any
  try {
    await checkBackupGpt(tail, size);
  } catch (error) {
    if (error instanceof RangeError) return;
    throw error;
  }
  throw new RangeError(
    `${file}: its partition table is damaged, and a partition tool has left a backup at the end of the disk: put that back first (gdisk, r, b), then repair the rest`,
  );
}

async function tableIn(at: At, size: number): Promise<readonly Partition[] | undefined> {
  try {
    return (await layoutOf(at, size)).partitions;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Runs of numbers that follow each other, the one with window 0, the partition table's, last and alone. */
function runsOf(indexes: readonly number[]): { first: number; end: number }[] {
  const runs: { first: number; end: number }[] = [];
  for (const index of indexes.filter((each) => each !== 0)) {
    const run = runs.at(-1);
    if (run?.end === index) run.end++;
    else runs.push({ first: index, end: index + 1 });
  }
  return indexes.includes(0) ? [...runs, { first: 0, end: 1 }] : runs;
}

/** Say what came of it, and what the piece is. Throws `RangeError` when that is damaged. */
async function finish(file: string, { manifest, at, hasOwnTable }: Examined, words: string): Promise<void> {
  showProgress("");
  print(words);
  if (hasOwnTable) print("Its partition table is not the image's: it is sound, and was left as it is.");
  const { start, length } = manifest.piecePartition;
  try {
    const listing = await piecesIn((from, count) => at(start + from, count), length);
    const hasOne = listing?.pieces.length === 1;
    if (!listing) print("It has no piece: it is a base image.");
    else if (hasOne) print(`Its piece is ${namesOf(listing)}, and whole.`);
    else print(`Its pieces are ${namesOf(listing)}, and whole.`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const how = "make one with build --only-piece, and put it there";
    throw new RangeError(`${file}: its piece is damaged (${error.message}): ${how}`, { cause: error });
  }
}
