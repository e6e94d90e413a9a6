import type { Bytes } from "./segment.ts";
import { crc32c } from "./crc32c.ts";
import { DIR_ENTRY, DIR_ENTRY_HEADER_SIZE, DIR_ENTRY_TAIL, DIR_ENTRY_TAIL_SIZE } from "./fields.ts";
import { Struct } from "./struct.ts";
import { writeText } from "./text.ts";

/** What a directory entry says its inode is (`file_type`). */
export const FILE_TYPE = { file: 1, directory: 2, symlink: 7 } as const;

/** An entry of a directory: a name and what it leads to. */
export interface DirectoryRecord {
  readonly name: string;
  /** Bytes of the name. */
  readonly length: number;
  readonly inode: number;
  readonly type: number;
}

/** The least `rec_len` of an entry whose name has `nameLength` bytes. */
export function recordLength(nameLength: number): number {
  return DIR_ENTRY_HEADER_SIZE + ((nameLength + 3) & ~3);
}

/**
 * A block of entries, the last of which reaches to the tail. Without records it has one unused entry. `seed` is the
 * inode's. Throws `RangeError` when the records do not fit.
 */
export function directoryBlock(records: readonly DirectoryRecord[], blockSize: number, seed: number): Bytes {
  const s = new Struct(blockSize);
  const end = blockSize - DIR_ENTRY_TAIL_SIZE;
  let at = 0;
  records.forEach((record, i) => {
    const length = i === records.length - 1 ? end - at : recordLength(record.length);
    writeRecord(s, at, record, length);
    at += length;
  });
  if (at === 0) s.set(DIR_ENTRY.rec_len, end); // its inode, 0, says that it is unused
  s.set(DIR_ENTRY_TAIL.det_rec_len, DIR_ENTRY_TAIL_SIZE, end); // read as an entry: inode 0, and a name of no bytes
  s.set(DIR_ENTRY_TAIL.det_reserved_ft, 0xde, end); // EXT4_FT_DIR_CSUM
  s.set(DIR_ENTRY_TAIL.det_checksum, crc32c(seed, s.bytes, 0, end), end);
  return s.bytes;
}

/** Write a `struct ext4_dir_entry_2` that takes `length` bytes from `at` on. */
export function writeRecord(s: Struct, at: number, record: DirectoryRecord, length: number): void {
  s.set(DIR_ENTRY.inode, record.inode, at);
  s.set(DIR_ENTRY.rec_len, length, at);
  s.set(DIR_ENTRY.name_len, record.length, at);
  s.set(DIR_ENTRY.file_type, record.type, at);
  const name = at + DIR_ENTRY_HEADER_SIZE;
  writeText(record.name, s.bytes.subarray(name, name + record.length));
}

/** "." and "..", with which every directory begins. */
export function dots(inode: number, parent: number): [DirectoryRecord, DirectoryRecord] {
  return [
    { name: ".", length: 1, inode, type: FILE_TYPE.directory },
    { name: "..", length: 2, inode: parent, type: FILE_TYPE.directory },
  ];
}
