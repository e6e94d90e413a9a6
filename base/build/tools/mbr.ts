import { Struct } from "../../../src/ext4/struct.ts";
import type { Bytes } from "../../../src/bytes/segment.ts";

const SECTOR = 512;
const TABLE = 0x1be;
const ENTRY = 16;
const FAT32 = 0x0c; // OSType: FAT32, by logical block addresses
const PROTECTIVE = 0xee; // what says that there is a GPT (UEFI specification 2.10, table 5.4)

/**
 * A hybrid master boot record: `esp` (in bytes), which the GPT has too, as its first partition, since the boot ROM of a Raspberry
 * Pi looks for FAT in the older table; and the protective one over what lies ahead. Linux, GRUB and EDK2 take a disk
 * for one with a GPT when any of the entries is protective and starts at sector 1. Throws `RangeError` when the record
 * holds more than the protective partition.
 */
export function hybridMbr(mbr: Bytes, esp: { readonly start: number; readonly length: number }): Bytes {
  const s = new Struct(mbr.slice(0, SECTOR));
  if (s.bytes.subarray(TABLE + ENTRY, TABLE + 4 * ENTRY).some((byte) => byte !== 0)) {
    throw new RangeError("the master boot record has more than the protective partition");
  }
  const entry = (number: number, type: number, start: number, length: number) => {
    const at = TABLE + number * ENTRY;
    s.bytes.fill(0, at, at + ENTRY);
    s.raw(at + 1, Uint8Array.of(0xfe, 0xff, 0xff), 3); // StartingCHS: beyond what it can say
    s.u8(at + 4, type); // OSType
    s.raw(at + 5, Uint8Array.of(0xfe, 0xff, 0xff), 3); // EndingCHS
    s.u32(at + 8, start / SECTOR); // StartingLBA
    s.u32(at + 12, length / SECTOR); // SizeInLBA
  };
  entry(0, FAT32, esp.start, esp.length);
  entry(1, PROTECTIVE, SECTOR, esp.start - SECTOR);
  return s.bytes;
}
