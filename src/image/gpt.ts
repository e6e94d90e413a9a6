import { crc32 } from "hash-wasm";
import type { Bytes } from "../bytes/segment.ts";

/** A disk sector: what GPT counts in, in bytes. */
export const SECTOR = 512;

const SIGNATURE = "EFI PART";
const ENTRIES = 128;
const ENTRY_SIZE = 128;

/** How much of a disk's start holds the whole primary table: protective MBR, header, 128 entries. */
export const GPT_LENGTH = SECTOR * 2 + ENTRIES * ENTRY_SIZE;

/** One entry of the table; `start` and `length` in bytes. */
export interface Partition {
  readonly number: number;
  /** Its own GUID, as the kernel has it in PARTUUID: lower-case hex in 8-4-4-4-12. */
  readonly guid: string;
  readonly label: string;
  readonly start: number;
  readonly length: number;
}

/**
 * How many bytes the disk has that the table was made for: where its backup ends. A stick is mostly larger than the image
 * that was written to it. `head` is as for `parseGpt`. Throws `RangeError` when there is no table, or a broken one.
 */
export async function diskSizeOf(head: Bytes): Promise<number> {
  const { otherSector } = await parseHeader(head.subarray(SECTOR, 2 * SECTOR), 1);
  if (otherSector <= 1) throw new RangeError("partition table: without a backup");
  return (otherSector + 1) * SECTOR;
}

/**
 * The partitions in the GUID partition table at the front of a disk of `diskSize` bytes (UEFI
 * specification 2.10, section 5.3). `head` is at least the disk's first `GPT_LENGTH` bytes. Throws
 * `RangeError` when a signature, checksum or position is wrong.
 */
export async function parseGpt(head: Bytes, diskSize: number): Promise<Partition[]> {
  const lastSector = diskSize / SECTOR - 1;
  const header = await parseHeader(head.subarray(SECTOR, 2 * SECTOR), 1, lastSector);
  const start = header.entriesSector * SECTOR;
  const entries = head.subarray(start, start + ENTRIES * ENTRY_SIZE);
  if (entries.length < ENTRIES * ENTRY_SIZE) {
    throw new RangeError(`partition entries lie at ${start}, and not within the first ${head.length} bytes`);
  }
  if ((await checksum(entries)) !== header.entriesChecksum) {
    throw new RangeError("partition entries do not match their checksum");
  }
  const partitions: Partition[] = [];
  for (let index = 0; index < ENTRIES; index++) {
    const entry = new DataView(entries.buffer, entries.byteOffset + index * ENTRY_SIZE, ENTRY_SIZE);
    const unused = entry.getBigUint64(0x00, true) === 0n && entry.getBigUint64(0x08, true) === 0n; // PartitionTypeGUID
    if (unused) continue;
    const first = sector(entry, 0x20); // StartingLBA
    const last = sector(entry, 0x28); // EndingLBA, itself included
    if (first > last || last > lastSector) {
      throw new RangeError(`partition ${index + 1} lies outside the disk`);
    }
    const label = name(entry);
    partitions.push({
      number: index + 1,
      guid: guidOf(new Uint8Array(entry.buffer, entry.byteOffset + 0x10, 16)), // UniquePartitionGUID
      label,
      start: first * SECTOR,
      length: (last - first + 1) * SECTOR,
    });
  }
  return partitions;
}

/**
 * Check the backup header in the disk's last sector, which firmware and partition tools look for there.
 * `tail` is any run of bytes that ends where the disk ends. Throws `RangeError`.
 */
export async function checkBackupGpt(tail: Bytes, diskSize: number): Promise<void> {
  const lastSector = diskSize / SECTOR - 1;
  const header = await parseHeader(tail.subarray(tail.length - SECTOR), lastSector, 1);
  const start = tail.length - (lastSector + 1 - header.entriesSector) * SECTOR;
  const entries = tail.subarray(start, start + ENTRIES * ENTRY_SIZE);
  if ((await checksum(entries)) !== header.entriesChecksum) {
    throw new RangeError("backup partition entries do not match their checksum");
  }
}

/**
 * The last `length` bytes of a disk of `diskSize` bytes as they are when there is nothing but the backup table
 * there: entries, then the header in the last sector (UEFI specification 2.10, section 5.3.2). They follow from
 * the primary table in `head`. Throws `RangeError` when that is broken or they do not fit.
 */
export async function backupGpt(head: Bytes, diskSize: number, length: number): Promise<Bytes> {
  const lastSector = diskSize / SECTOR - 1;
  const primary = head.subarray(SECTOR, 2 * SECTOR);
  const { entriesSector } = await parseHeader(primary, 1, lastSector);
  const entriesLength = ENTRIES * ENTRY_SIZE;
  const headerAt = length - SECTOR;
  const entriesAt = headerAt - entriesLength;
  if (entriesAt < 0) throw new RangeError(`no room for a backup partition table in ${length} bytes`);
  const tail = new Uint8Array(length);
  tail.set(head.subarray(entriesSector * SECTOR, entriesSector * SECTOR + entriesLength), entriesAt);
  tail.set(primary, headerAt);
  const header = new DataView(tail.buffer, headerAt, SECTOR);
  header.setBigUint64(0x18, BigInt(lastSector), true); // MyLBA
  header.setBigUint64(0x20, 1n, true); // AlternateLBA
  header.setBigUint64(0x48, BigInt(lastSector - entriesLength / SECTOR), true); // PartitionEntryLBA
  header.setUint32(0x10, 0, true); // HeaderCRC32 is computed over itself as zero
  const size = header.getUint32(0x0c, true); // HeaderSize
  header.setUint32(0x10, await checksum(tail.subarray(headerAt, headerAt + size)), true);
  return tail;
}

async function parseHeader(bytes: Bytes, ownSector: number, otherSector?: number) {
  const where = ownSector === 1 ? "partition table" : "backup partition table";
  if (bytes.length < SECTOR || String.fromCharCode(...bytes.subarray(0, 8)) !== SIGNATURE) {
    throw new RangeError(`no ${where}`);
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset, SECTOR);
  const size = header.getUint32(0x0c, true); // HeaderSize
  if (size < 92 || size > SECTOR) throw new RangeError(`${where}: header of ${size} bytes`);
  const blank = bytes.slice(0, size);
  blank.fill(0, 0x10, 0x14); // HeaderCRC32 is computed over itself as zero
  if ((await checksum(blank)) !== header.getUint32(0x10, true)) {
    throw new RangeError(`${where}: header does not match its checksum`);
  }
  const other = sector(header, 0x20); // AlternateLBA
  if (sector(header, 0x18) !== ownSector || (otherSector !== undefined && other !== otherSector)) {
    throw new RangeError(`${where}: made for a disk of another size`); // 0x18 is MyLBA
  }
  if (header.getUint32(0x50, true) !== ENTRIES || header.getUint32(0x54, true) !== ENTRY_SIZE) {
    throw new RangeError(`${where}: not ${ENTRIES} entries of ${ENTRY_SIZE} bytes`);
  }
  return {
    otherSector: other,
    entriesSector: sector(header, 0x48), // PartitionEntryLBA
    entriesChecksum: header.getUint32(0x58, true), // PartitionEntryArrayCRC32
  };
}

/** A logical block address. Past 2^53 it is no disk of ours; as a number it then lies outside any. */
function sector(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}

/** The first three fields of a GUID are little-endian: UEFI specification 2.10, appendix A. */
function guidOf(bytes: Bytes): string {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = order.map((at) => bytes[at]!.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** PartitionName: 36 UTF-16LE code units, ended by a NUL if shorter. */
function name(entry: DataView): string {
  const units = Array.from({ length: 36 }, (_, i) => entry.getUint16(0x38 + 2 * i, true));
  const end = units.indexOf(0);
  return String.fromCharCode(...(end < 0 ? units : units.slice(0, end)));
}

async function checksum(bytes: Bytes): Promise<number> {
  return Number.parseInt(await crc32(bytes), 16);
}
