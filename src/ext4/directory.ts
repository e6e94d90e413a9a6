import type { Bytes } from "./segment.ts";
import { crc32c } from "./crc32c.ts";
import { Struct } from "./struct.ts";

/** What a directory entry says its inode is (`file_type`). */
export const FILE_TYPE = { file: 1, directory: 2, symlink: 7 } as const;

/** `struct ext4_dir_entry_tail`: the checksum at the end of a block, looking like an unused entry. */
export const TAIL = 12;

/** A name and what it leads to. */
export interface Record {
  readonly name: string;
  /** Bytes of the name in UTF-8. */
  readonly length: number;
  readonly inode: number;
  readonly type: number;
}

const UTF8 = new TextEncoder();

/** The bytes that an entry with so long a name takes (`rec_len` at the least). */
export function recordLength(nameLength: number): number {
  return 8 + ((nameLength + 3) & ~3);
}

/** A block of entries, the last of which reaches to the tail; without any, one that is unused. `seed`: the inode's. */
export function directoryBlock(records: readonly Record[], blockSize: number, seed: number): Bytes {
  const s = new Struct(blockSize);
  const end = blockSize - TAIL;
  let at = 0;
  records.forEach((record, i) => {
    const length = i === records.length - 1 ? end - at : recordLength(record.length);
    writeRecord(s, at, record, length);
    at += length;
  });
  if (at === 0) s.u16(0x04, end); // rec_len of an entry whose inode is 0
  s.u16(end + 0x04, TAIL); // det_rec_len; det_reserved_zero1 and _zero2 look like inode 0 and no name
  s.u8(end + 0x07, 0xde); // det_reserved_ft
  s.u32(end + 0x08, crc32c(seed, s.bytes, 0, end)); // det_checksum
  return s.bytes;
}

/** `struct ext4_dir_entry_2`, taking `length` bytes. */
export function writeRecord(
  s: Struct,
  at: number,
  { name, length: nameLength, inode, type }: Record,
  length: number,
) {
  s.u32(at, inode); // inode
  s.u16(at + 0x04, length); // rec_len
  s.u8(at + 0x06, nameLength); // name_len
  s.u8(at + 0x07, type); // file_type
  UTF8.encodeInto(name, s.bytes.subarray(at + 0x08, at + 0x08 + nameLength)); // name
}

/** "." and "..", with which every directory begins. */
export function dots(inode: number, parent: number): [Record, Record] {
  return [
    { name: ".", length: 1, inode, type: FILE_TYPE.directory },
    { name: "..", length: 2, inode: parent, type: FILE_TYPE.directory },
  ];
}
