import { ARCHITECTURES, USUAL_ARCH } from "../architectures.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes, Patch } from "../bytes/segment.ts";
import { orderedWindows, type WindowSources } from "../fetch/downloader.ts";
import type { Seed } from "../fetch/seed.ts";
import { type Manifest, WINDOW, windowsOf } from "../release/manifest.ts";
import { VERSION } from "../release/version.ts";
import { digestOf, lengthOfWindow, type Windows } from "../release/windows.ts";
import { type At, layoutOf } from "./contents.ts";
import { checkBackupGpt, GPT_LENGTH, parseGpt, type Partition, SECTOR } from "./gpt.ts";
import type { Base } from "./image.ts";
import type { Listing } from "./os-json.ts";

// Images that are there already, in a file or on a disk, held against the signed manifest of their base.

/** Boot code at the start of the MBR, in bytes; partition tools leave it as it is. */
const BOOT_CODE = 440;
/** The MBR's own table (UEFI specification 2.10, 5.2.1): where its four entries are, the length of each, where its type is. */
const MBR_TABLE = 0x1be;
const MBR_ENTRY = 16;
const MBR_TYPE = 4;
/** What says that there is a GPT, over whatever a tool finds to cover. */
const PROTECTIVE = 0xee;

/** An image that is there already. */
export interface Found {
  /** Of the file or disk that has it, in bytes. */
  readonly size: number;
  readonly at: At;
  /** Its windows, each at its own place; none that cannot be read. */
  readonly seed: Seed;
}

/** What is known of an image once all of its base has been read. */
export interface Examined {
  /** How much is wrong: windows, or parts of the first one, and their length together in bytes. */
  readonly wrong: number;
  readonly bytes: number;
  /** Whether the partition table is another than the image's, and holds. */
  readonly hasOwnTable: boolean;
  /**
   * What mends it, the partition table last; a patch's buffer is used again when the next one is asked for. Throws what
   * `orderedWindows` throws, and the reason that `stop` is aborted with.
   */
  patches(stop: AbortSignal): AsyncGenerator<Patch>;
}

/** Why an image cannot be mended. */
export type ExamineFault =
  /** It is shorter than its base. */
  | { readonly kind: "short"; readonly has: number; readonly wants: number }
  /** Most of its windows are others. */
  | { readonly kind: "other"; readonly wrong: number; readonly all: number }
  /** Its table is broken, and a partition tool has left another one at the end of the disk. */
  | { readonly kind: "table" };

/** An image that is not worth mending, or not safe to. Each side says in its own words what to do then. */
export class ExamineError extends RangeError {
  readonly fault: ExamineFault;

  constructor(fault: ExamineFault) {
    super(`not to be mended: ${JSON.stringify(fault)}`);
    this.fault = fault;
  }
}

/** Which base an `os.json` says that its image was made from. Those are words for people: a signature decides. */
export function baseNamedIn({
  base,
}: Pick<Listing, "base">): { flavor: string; version: string; arch: string } | undefined {
  const word = "([a-z0-9][a-z0-9._-]{0,63})";
  const [, flavor, version, arch = USUAL_ARCH] =
    new RegExp(`^\\S+ ${word} (\\S+)(?: ${word})?$`).exec(base) ?? []; // `baseInWords`
  const isKnown = ARCHITECTURES.some((each) => each.arch === arch);
  return flavor !== undefined && version !== undefined && VERSION.test(version) && isKnown
    ? { flavor, version, arch }
    : undefined;
}

/** Throws `ExamineError` for an image that is cut off. */
export function checkLength({ size }: Pick<Found, "size">, wants: number): void {
  if (size < wants) throw new ExamineError({ kind: "short", has: size, wants });
}

/**
 * Read every window of an image but those of the piece partition, which nothing signed describes. `onRead` is told how
 * many of its bytes have been read. Throws `ExamineError` when it is no image of this base, the reason that `stop` is
 * aborted with, and what `found` and `orderedWindows` throw.
 */
export async function examine(
  found: Found,
  { manifest, sources }: Base,
  { onRead, stop }: { readonly onRead: (bytes: number) => void; readonly stop: AbortSignal },
): Promise<Examined> {
  checkLength(found, manifest.image.size);
  const windows = windowsOf(manifest);
  const all: WindowSources = { ...sources, windows };
  const pool = new BufferPool(WINDOW);
  const wrong = await wrongWindows(found, manifest, windows, onRead, stop);
  const last = windows.digests.length - 1;
  let own: readonly Patch[] | undefined;
  if (wrong.includes(0)) {
    for await (const first of orderedWindows(all, 0, 1, pool, stop)) {
      own = await besideOwnTable(found, first, manifest.image.size);
      if (!own) await checkBehind(found, manifest);
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
    wrong: left.length + patches.length,
    bytes,
    hasOwnTable: isOwn,
    async *patches(whileMending) {
      for (const { first, end } of runsOf(left)) {
        let index = first;
        for await (const window of orderedWindows(all, first, end, pool, whileMending)) {
          yield { start: index * WINDOW, bytes: window };
          pool.release(window.buffer);
          index++;
        }
      }
      yield* patches;
    },
  };
}

/** Which windows are not as the manifest says. Throws `ExamineError` when most of them are: then it is another base. */
async function wrongWindows(
  { seed }: Found,
  { piecePartition: { start, length } }: Manifest,
  windows: Windows,
  onRead: (bytes: number) => void,
  stop: AbortSignal,
): Promise<number[]> {
  const pool = new BufferPool(WINDOW);
  const wrong: number[] = [];
  const count = windows.digests.length;
  for (let index = 0; index < count; index++) {
    stop.throwIfAborted();
    const isPiece = index >= start / WINDOW && index < (start + length) / WINDOW;
    if (!isPiece && !(await isRight(seed, windows, index, pool))) wrong.push(index);
    onRead(index * WINDOW + lengthOfWindow(windows, index));
  }
  // The first and the last window hold partition tables, which tools change as a whole.
  const tells = (index: number) => index !== 0 && index !== count - 1 && windows.digests[index] !== "zeros";
  const content = [...windows.digests.keys()].filter(tells).length;
  const bad = wrong.filter(tells).length;
  if (2 * bad <= content) return wrong;
  throw new ExamineError({ kind: "other", wrong: bad, all: content });
}

/** Whether a seed has window `index` as the image has it, zeros too. */
export async function isRight(
  seed: Seed,
  windows: Windows,
  index: number,
  pool: BufferPool,
): Promise<boolean> {
  const bytes = seed.has(index) ? await seed.read(index, pool) : undefined;
  if (!bytes) return false;
  const digest = windows.digests[index];
  const right = digest === "zeros" ? isZeros(bytes) : (await digestOf(bytes)) === digest;
  pool.release(bytes.buffer);
  return right;
}

/** Whether there is no other byte than 0 in a window, whose length is a multiple of 4. */
function isZeros(bytes: Bytes): boolean {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).every((word) => word === 0);
}

/**
 * What is wrong beside the partition table, when that is sound, has all partitions of the image where they are, and is
 * another: a partition tool has moved its backup to the end of the disk, or has put another partition behind. Such a table
 * is left as it is. `undefined` when the table is the image's, or is broken. `first` is the image's first window.
 */
async function besideOwnTable(
  { at, size }: Found,
  first: Bytes,
  imageSize: number,
): Promise<readonly Patch[] | undefined> {
  const here = await at(0, first.length);
  const isImages = isSame(here.subarray(SECTOR, GPT_LENGTH), first.subarray(SECTOR, GPT_LENGTH));
  const theirs = isImages ? undefined : await tableIn(at, size);
  if (!theirs) return undefined;
  const same = (one: Partition) => (other: Partition) =>
    one.number === other.number &&
    one.label === other.label &&
    one.start === other.start &&
    one.length === other.length;
  const ours = await parseGpt(first, imageSize);
  if (!ours.every((partition) => theirs.some(same(partition)))) return undefined;
  // Boot ROMs that know no GPT go by an entry beside the protective one, which some tools take for a mistake
  const lost = entriesIn(first).some((entry) => !entriesIn(here).some((other) => isSame(entry, other)));
  return [
    { start: GPT_LENGTH, bytes: first.slice(GPT_LENGTH) },
    ...(lost ? [{ start: MBR_TABLE, bytes: first.slice(MBR_TABLE, SECTOR) }] : []),
    { start: 0, bytes: first.slice(0, BOOT_CODE) },
  ].filter(({ start, bytes }) => !isSame(here.subarray(start, start + bytes.length), bytes));
}

/** What each entry of an MBR says that has something, and is not the protective one: its type, and where that is. */
function entriesIn(mbr: Bytes): Bytes[] {
  return [0, 1, 2, 3]
    .map((number) => mbr.subarray(MBR_TABLE + number * MBR_ENTRY, MBR_TABLE + (number + 1) * MBR_ENTRY))
    .filter((entry) => entry[MBR_TYPE] !== 0 && entry[MBR_TYPE] !== PROTECTIVE)
    .map((entry) => Uint8Array.of(entry[MBR_TYPE]!, ...entry.subarray(MBR_ENTRY / 2)));
}

function isSame(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/**
 * Where a partition tool has moved the backup to the end of a larger disk and the table in front is broken, that backup
 * is the table that counts: ours would take the partitions behind the image away. Throws `ExamineError`.
 */
async function checkBehind({ at, size }: Found, { image, piecePartition }: Manifest): Promise<void> {
  if (size < image.size + GPT_LENGTH || size % SECTOR !== 0) return;
  const tail = await at(size - GPT_LENGTH, GPT_LENGTH);
  const label = piecePartition.label.replaceAll(/./g, "$&\0"); // as UTF-16LE
  if (!new TextDecoder("latin1").decode(tail).includes(label)) return; // of another disk, if any
  try {
    await checkBackupGpt(tail, size);
  } catch (error) {
    if (error instanceof RangeError) return;
    throw error;
  }
  throw new ExamineError({ kind: "table" });
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
