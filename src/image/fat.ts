import type { Bytes } from "../bytes/segment.ts";
import type { At } from "./contents.ts";

// FAT12, 16 and 32 with long names, for reading. Names of fields are those of Microsoft's specification of FAT (2000,
// version 1.03); its sections are given.

/** A run of bytes. */
interface Run {
  readonly start: number;
  readonly length: number;
}

/** A file in a FAT file system. */
export interface FatFile {
  /** As "/EFI/BOOT/BOOTX64.EFI", in the letters in which it was written. FAT does not tell capitals from small ones. */
  readonly path: string;
  /** In bytes. */
  readonly length: number;
  /**
   * Where its bytes lie, counted from where the file system begins; together they come to its length. Throws `RangeError`
   * when the file system is damaged there.
   */
  readonly runs: () => readonly Run[];
}

/** The most files and directories that are looked at, and the most bytes of the table that are read: of 256 MiB in sectors. */
const MOST_ENTRIES = 4096;
const LARGEST_TABLE = 2 * 1024 * 1024;
/** A directory is never longer (section 6: 65,536 entries of 32 bytes), all that are read are not, and none lies deeper. */
const LARGEST_DIRECTORY = 65_536 * 32;
const LARGEST_DIRECTORIES = 16 * 1024 * 1024;
const DEEPEST = 16;

const READ_ONLY_HIDDEN_SYSTEM_VOLUME = 0x0f; // ATTR_LONG_NAME
const VOLUME_ID = 0x08;
const DIRECTORY = 0x10;

/** The structure of a file system: section 3. In bytes, unless the name says otherwise. */
interface Geometry {
  readonly bits: 12 | 16 | 32;
  readonly clusterSize: number;
  readonly clusters: number;
  readonly dataStart: number;
  readonly table: Bytes;
  /** A run of its own on FAT12 and 16, a cluster on FAT32. */
  readonly root: Run | number;
}

/**
 * The files in the FAT file system of `length` bytes that `at` reads. Throws `RangeError` for what is none, or is damaged:
 * nothing of it is believed, and what is read of it is bounded.
 */
export async function filesOnFat(at: At, length: number): Promise<FatFile[]> {
  const volume = await geometryOf(at, length);
  const files: FatFile[] = [];
  let seen = 0;
  let read = 0;
  // Where a directory lies is looked up when it is its turn: thousands of them may claim the same clusters
  const todo = [{ path: "", runsOf: () => rootRuns(volume), depth: 0 }];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { path, runsOf, depth } = next;
    const runs = runsOf();
    read += lengthOf(runs);
    if (read > LARGEST_DIRECTORIES) throw damaged("its directories are too long");
    for (const entry of entriesOf(await contentOf(at, runs))) {
      if (++seen > MOST_ENTRIES) throw damaged(`it has more than ${MOST_ENTRIES} entries`);
      const itsPath = `${path}/${entry.name}`;
      const cluster = volume.bits === 32 ? entry.cluster : entry.cluster & 0xffff;
      const chain = (most: number) => (most === 0 ? [] : chainOf(volume, cluster, most));
      if (entry.isDirectory) {
        if (depth === DEEPEST) throw damaged(`its directories are more than ${DEEPEST} deep`);
        todo.push({ path: itsPath, runsOf: () => chain(LARGEST_DIRECTORY), depth: depth + 1 });
      } else {
        const { length: its } = entry;
        files.push({ path: itsPath, length: its, runs: () => exactly(chain(its), its, itsPath) });
      }
    }
  }
  return files;
}

async function geometryOf(at: At, length: number): Promise<Geometry> {
  if (length < 512) throw new RangeError("no FAT file system");
  const boot = await at(0, 512);
  const view = new DataView(boot.buffer, boot.byteOffset, 512);
  const u16 = (offset: number) => view.getUint16(offset, true);
  const u32 = (offset: number) => view.getUint32(offset, true);
  const sectorSize = u16(11); // BPB_BytsPerSec
  const perCluster = boot[13]!; // BPB_SecPerClus
  const reserved = u16(14); // BPB_RsvdSecCnt
  const tables = boot[16]!; // BPB_NumFATs
  const rootEntries = u16(17); // BPB_RootEntCnt
  const sectors = u16(19) || u32(32); // BPB_TotSec16, BPB_TotSec32
  const tableSectors = u16(22) || u32(36); // BPB_FATSz16, BPB_FATSz32
  const isOne =
    u16(510) === 0xaa55 &&
    [512, 1024, 2048, 4096].includes(sectorSize) &&
    perCluster > 0 &&
    (perCluster & (perCluster - 1)) === 0 &&
    reserved > 0 &&
    tables > 0 &&
    tableSectors > 0;
  if (!isOne) throw new RangeError("no FAT file system");
  if (sectors * sectorSize > length) throw damaged("it is larger than its partition");
  const rootStart = (reserved + tables * tableSectors) * sectorSize;
  const rootLength = Math.ceil((rootEntries * 32) / sectorSize) * sectorSize;
  const dataStart = rootStart + rootLength;
  const clusterSize = perCluster * sectorSize;
  const clusters = Math.floor((sectors * sectorSize - dataStart) / clusterSize);
  if (clusters < 1) throw damaged("it has no room for a file");
  // Which of the three it is, is decided by this number and nothing else: section 3.5
  const bits = clusters < 4085 ? 12 : clusters < 65_525 ? 16 : 32;
  const tableLength = Math.ceil(((clusters + 2) * bits) / 8);
  if (tableLength > tableSectors * sectorSize) throw damaged("its table is too short");
  if (tableLength > LARGEST_TABLE)
    throw new RangeError(`a FAT file system with a table of ${tableLength} bytes`);
  const table = await at(reserved * sectorSize, tableLength);
  const root = bits === 32 ? u32(44) : { start: rootStart, length: rootLength }; // BPB_RootClus
  return { bits, clusterSize, clusters, dataStart, table, root };
}

function rootRuns(volume: Geometry): readonly Run[] {
  return typeof volume.root === "number" ? chainOf(volume, volume.root, LARGEST_DIRECTORY) : [volume.root];
}

/** Where the clusters lie that follow from `first` on, as runs, until they end or hold `most` bytes: section 4. */
function chainOf(volume: Geometry, first: number, most: number): Run[] {
  const { clusterSize, clusters, dataStart } = volume;
  const runs: { start: number; length: number }[] = [];
  const been = new Set<number>();
  let held = 0;
  for (let cluster = first; held < most; cluster = nextOf(volume, cluster)) {
    if (isEnd(volume, cluster) && held > 0) break;
    if (cluster < 2 || cluster >= clusters + 2)
      throw damaged(`cluster ${cluster} is none of its ${clusters}`);
    if (been.has(cluster)) throw damaged(`cluster ${cluster} leads back to itself`);
    been.add(cluster);
    const start = dataStart + (cluster - 2) * clusterSize;
    const last = runs.at(-1);
    if (last && last.start + last.length === start) last.length += clusterSize;
    else runs.push({ start, length: clusterSize });
    held += clusterSize;
  }
  return runs;
}

function nextOf({ bits, table }: Geometry, cluster: number): number {
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  if (bits === 32) return view.getUint32(cluster * 4, true) & 0x0fff_ffff;
  if (bits === 16) return view.getUint16(cluster * 2, true);
  const at = cluster + Math.floor(cluster / 2);
  const pair = table[at]! | ((table[at + 1] ?? 0) << 8);
  return cluster % 2 === 0 ? pair & 0xfff : pair >>> 4;
}

function isEnd({ bits }: Geometry, cluster: number): boolean {
  return cluster >= (bits === 32 ? 0x0fff_fff8 : bits === 16 ? 0xfff8 : 0xff8);
}

/** The first `length` bytes of `runs`. */
function exactly(runs: readonly Run[], length: number, path: string): Run[] {
  let left = length;
  const kept: Run[] = [];
  for (const run of runs) {
    if (left > 0) kept.push({ start: run.start, length: Math.min(run.length, left) });
    left -= run.length;
  }
  if (left > 0) throw damaged(`${path} ends before its ${length} bytes`);
  return kept;
}

function lengthOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { length }) => sum + length, 0);
}

async function contentOf(at: At, runs: readonly Run[]): Promise<Bytes> {
  const bytes = new Uint8Array(lengthOf(runs));
  let filled = 0;
  for (const { start, length } of runs) {
    bytes.set(await at(start, length), filled);
    filled += length;
  }
  return bytes;
}

/** One entry of a directory. */
interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly cluster: number;
  readonly length: number;
}

/** The files and directories in one, without "." and "..": sections 6 and 7. */
function* entriesOf(directory: Bytes): Generator<DirectoryEntry> {
  const view = new DataView(directory.buffer, directory.byteOffset, directory.length);
  let long: { text: string; checksum: number; expected: number } | undefined;
  for (let at = 0; at + 32 <= directory.length; at += 32) {
    const first = directory[at]!;
    if (first === 0) return;
    const attributes = directory[at + 11]!;
    if (first === 0xe5) {
      long = undefined; // deleted
      continue;
    }
    if ((attributes & 0x3f) === READ_ONLY_HIDDEN_SYSTEM_VOLUME) {
      const order = first & 0x3f;
      const checksum = directory[at + 13]!;
      if (first & 0x40) long = { text: "", checksum, expected: order };
      const follows = long !== undefined && long.expected === order && long.checksum === checksum;
      long = follows ? { text: unitsOf(view, at) + long!.text, checksum, expected: order - 1 } : undefined;
      continue;
    }
    const short = directory.subarray(at, at + 11);
    const isLong = long !== undefined && long.expected === 0 && long.checksum === checksumOf(short);
    const name = isLong ? long!.text.split("\0")[0]! : shortName(short, directory[at + 12]!);
    long = undefined;
    if (attributes & VOLUME_ID || name === "." || name === "..") continue;
    if (name === "" || name.includes("/")) throw damaged(`a file is called "${name}"`);
    yield {
      name,
      isDirectory: (attributes & DIRECTORY) !== 0,
      cluster: view.getUint16(at + 20, true) * 65_536 + view.getUint16(at + 26, true), // DIR_FstClusHI, DIR_FstClusLO
      length: view.getUint32(at + 28, true), // DIR_FileSize
    };
  }
}

/** Where the 13 UTF-16 units of a long name's part lie. */
const UNITS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

function unitsOf(view: DataView, at: number): string {
  return String.fromCharCode(...UNITS.map((offset) => view.getUint16(at + offset, true)));
}

/** Of the short name that a long one belongs to: section 7.2. */
function checksumOf(short: Bytes): number {
  return short.reduce((sum, byte) => (((sum & 1) << 7) + (sum >>> 1) + byte) & 0xff, 0);
}

/** "BOOTX64 EFI" as BOOTX64.EFI; DIR_NTRes says that name or extension are in small letters, as Windows NT has it. */
function shortName(short: Bytes, reserved: number): string {
  const text = String.fromCharCode(...short);
  const cased = (part: string, bit: number) => (reserved & bit ? part.toLowerCase() : part).trimEnd();
  const [base, extension] = [cased(text.slice(0, 8), 0x08), cased(text.slice(8), 0x10)];
  return extension === "" ? base : `${base}.${extension}`;
}

function damaged(how: string): RangeError {
  return new RangeError(`the FAT file system is damaged: ${how}`);
}
