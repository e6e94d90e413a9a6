import { Struct } from "../../../src/ext4/struct.ts";
import type { Bytes } from "../../../src/bytes/segment.ts";

/**
 * An ISO 9660 file system (ECMA-119, 4th edition) with an El Torito boot catalog ("El Torito" Bootable CD-ROM
 * Format Specification, version 1.0; the EFI entry is of the UEFI specification 2.10, 13.3.2.1), as it lies at
 * the front of a disk image, which makes the image a disc as well. Sections are those of ECMA-119.
 */

/** A disc's sector, in bytes; positions on a disc count in these. */
export const DISC_SECTOR = 2048;

/** Where a disc's own data starts, in bytes: the 16 sectors before it are the system's (6.2.1). */
export const ISO_START = 16 * DISC_SECTOR;

/** A file: `name` in upper case, 8 + 3 letters (7.5, level 1); it must fit into a sector. */
interface DiscFile {
  readonly name: string;
  readonly bytes: Bytes;
}

/** A directory: `name` in upper case, at most 8 letters; its records must fit into a sector. */
interface DiscDirectory {
  readonly name: string;
  readonly entries: readonly DiscEntry[];
}

/** What a directory holds. */
export type DiscEntry = DiscFile | DiscDirectory;

/** A disc to describe. */
export interface Disc {
  /** Upper case letters, digits and underscores, 32 at most. */
  readonly volume: string;
  /** The whole image, in bytes. */
  readonly size: number;
  /** Of all files and of the volume, in seconds since 1970. */
  readonly time: number;
  readonly root: readonly DiscEntry[];
  /** What a BIOS loads and starts: GRUB's image for discs, of which four 512-byte sectors are loaded. */
  readonly bios?: { readonly start: number } | undefined;
  /** The EFI system partition, which UEFI takes for a disk of its own. */
  readonly efi: { readonly start: number; readonly length: number };
}

const PRIMARY = 16;
const BOOT_RECORD = 17;
const TERMINATOR = 18;
const CATALOG = 19;
const PATHS_LITTLE = 20;
const PATHS_BIG = 21;
const ROOT = 22;

/** The bytes from `ISO_START` on, whole sectors. Throws `RangeError` when something does not fit where it belongs. */
export function iso9660(disc: Disc): Bytes {
  const { placed, end } = place(disc.root);
  const bytes = new Uint8Array((end - PRIMARY) * DISC_SECTOR);
  const put = (sector: number, content: Bytes) => bytes.set(content, (sector - PRIMARY) * DISC_SECTOR);
  const directories = placed.filter((item) => item.kind === "directory");

  const little = pathTable(directories, false);
  put(PRIMARY, primaryDescriptor(disc, little.length));
  put(BOOT_RECORD, bootRecord());
  put(TERMINATOR, descriptor(255).bytes);
  put(CATALOG, bootCatalog(disc));
  put(PATHS_LITTLE, little);
  put(PATHS_BIG, pathTable(directories, true));
  for (const item of placed) {
    put(item.sector, item.kind === "file" ? item.bytes : directory(item, placed, disc.time));
  }
  return bytes;
}

interface Placed {
  readonly kind: "directory" | "file";
  readonly name: string;
  readonly parent: number; // the sector of the directory it is in; the root is in itself
  readonly sector: number;
  readonly bytes: Bytes; // of a file
}

/** Give every directory and file a sector: directories level by level, which is the path table's order (6.9.1). */
function place(root: readonly DiscEntry[]): { placed: Placed[]; end: number } {
  const none = new Uint8Array(0);
  let next = ROOT;
  const placed: Placed[] = [{ kind: "directory", name: "", parent: next, sector: next++, bytes: none }];
  const files: Omit<Placed, "sector">[] = [];
  let level = [{ sector: ROOT, entries: root }];
  while (level.length > 0) {
    const below: typeof level = [];
    for (const { sector: parent, entries } of level) {
      for (const entry of [...entries].sort((one, other) => (one.name < other.name ? -1 : 1))) {
        if ("entries" in entry) {
          named(entry.name, /^[A-Z0-9_]{1,8}$/);
          placed.push({ kind: "directory", name: entry.name, parent, sector: next, bytes: none });
          below.push({ sector: next++, entries: entry.entries });
        } else {
          named(entry.name, /^[A-Z0-9_]{1,8}\.[A-Z0-9_]{1,3}$/);
          if (entry.bytes.length > DISC_SECTOR) throw new RangeError(`${entry.name} does not fit a sector`);
          files.push({ kind: "file", name: `${entry.name};1`, parent, bytes: entry.bytes });
        }
      }
    }
    level = below;
  }
  for (const file of files) placed.push({ ...file, sector: next++ });
  return { placed, end: next };
}

/** What all volume descriptors begin with (8.1). */
function descriptor(type: number): Struct {
  const s = new Struct(DISC_SECTOR);
  s.u8(0, type); // Volume Descriptor Type
  s.raw(1, ascii("CD001"), 5); // Standard Identifier
  s.u8(6, 1); // Volume Descriptor Version
  return s;
}

/** Primary Volume Descriptor (8.4). The path tables are not repeated, and no file says who made what. */
function primaryDescriptor({ volume, size, time }: Disc, pathTableSize: number): Bytes {
  named(volume, /^[A-Z0-9_]{1,32}$/);
  if (size % DISC_SECTOR !== 0) throw new RangeError(`an image of ${size} bytes does not end with a sector`);
  const s = descriptor(1);
  s.raw(8, text("", 32), 32); // System Identifier
  s.raw(40, text(volume, 32), 32); // Volume Identifier
  both32(s, 80, size / DISC_SECTOR); // Volume Space Size
  both16(s, 120, 1); // Volume Set Size
  both16(s, 124, 1); // Volume Sequence Number
  both16(s, 128, DISC_SECTOR); // Logical Block Size
  both32(s, 132, pathTableSize); // Path Table Size
  s.u32(140, PATHS_LITTLE); // Location of Occurrence of Type L Path Table
  s.be32(148, PATHS_BIG); // Location of Occurrence of Type M Path Table
  s.raw(156, record("\0", ROOT, DISC_SECTOR, true, time), 34); // Directory Record for Root Directory
  s.raw(190, text("", 4 * 128 + 3 * 37), 4 * 128 + 3 * 37); // Volume Set Identifier to Bibliographic File Identifier
  s.raw(813, longDate(time), 17); // Volume Creation Date and Time
  s.raw(830, longDate(time), 17); // Volume Modification Date and Time
  s.raw(847, longDate(undefined), 17); // Volume Expiration Date and Time: never
  s.raw(864, longDate(undefined), 17); // Volume Effective Date and Time: always
  s.u8(881, 1); // File Structure Version
  return s.bytes;
}

/** Boot Record Volume Descriptor (El Torito, figure 7): it says where the catalog is. */
function bootRecord(): Bytes {
  const s = descriptor(0);
  s.raw(7, ascii("EL TORITO SPECIFICATION"), 32); // Boot System Identifier
  s.u32(0x47, CATALOG);
  return s.bytes;
}

/** Platform IDs of the boot catalog: of a BIOS, and of UEFI. */
const PLATFORM = { bios: 0, efi: 0xef } as const;

/**
 * The boot catalog (El Torito, figures 2 to 5). A BIOS takes the default entry; UEFI takes what is of platform 0xEF, a section
 * behind it, or the default entry where there is nothing for a BIOS.
 */
function bootCatalog({ bios, efi }: Disc): Bytes {
  const s = new Struct(DISC_SECTOR);
  const length = efi.length / 512;
  const entries = [
    ...(bios ? [{ platform: PLATFORM.bios, start: bios.start, sectors: 4 }] : []),
    // 0 sectors: to the end of the disc, says UEFI
    { platform: PLATFORM.efi, start: efi.start, sectors: length <= 0xffff ? length : 0 },
  ];
  entries.forEach(({ platform, start, sectors }, i) => {
    const header = i * 0x40;
    const entry = header + 0x20;
    s.u8(header, i === 0 ? 1 : 0x91); // Header ID of the validation entry; Header Indicator: the last section
    s.u8(header + 1, platform); // Platform ID
    if (i > 0) s.u16(header + 2, 1); // Number of section entries
    s.u8(entry, 0x88); // Boot Indicator: bootable; Boot media type stays 0, no emulation
    s.u16(entry + 6, sectors); // Sector Count, of 512 bytes; the Load Segment stays 0, the usual one
    s.u32(entry + 8, sectorOf(start)); // Load RBA
  });
  s.raw(0x1e, Uint8Array.of(0x55, 0xaa), 2); // Key bytes of the validation entry
  s.u16(0x1c, 0x10000 - sum16(s.bytes.subarray(0, 32))); // Checksum Word: all words come to zero
  return s.bytes;
}

/** Path Table (9.4): all directories, each with the number of the one it is in. */
function pathTable(directories: readonly Placed[], big: boolean): Bytes {
  const records = directories.map(({ name, parent, sector }) => {
    const identifier = name === "" ? Uint8Array.of(0) : ascii(name);
    const s = new Struct(8 + identifier.length + (identifier.length % 2));
    const number = 1 + directories.findIndex((other) => other.sector === parent);
    s.u8(0, identifier.length); // Length of Directory Identifier
    if (big) {
      s.be32(2, sector); // Location of Extent
      s.raw(6, Uint8Array.of(0, number), 2); // Parent Directory Number
    } else {
      s.u32(2, sector);
      s.u16(6, number);
    }
    s.raw(8, identifier, identifier.length); // Directory Identifier
    return s.bytes;
  });
  return joined(records);
}

/** A directory's sector (6.8): itself, the one it is in, and what is in it by name. */
function directory(self: Placed, placed: readonly Placed[], time: number): Bytes {
  const inside = placed
    .filter((item) => item.parent === self.sector && item !== self && item.name !== "")
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  return joined([
    record("\0", self.sector, DISC_SECTOR, true, time),
    record("\x01", self.parent, DISC_SECTOR, true, time),
    ...inside.map((item) => {
      const isDirectory = item.kind === "directory";
      return record(item.name, item.sector, isDirectory ? DISC_SECTOR : item.bytes.length, isDirectory, time);
    }),
  ]);
}

/** Directory Record (9.1). */
function record(name: string, sector: number, length: number, isDirectory: boolean, time: number): Bytes {
  const s = new Struct(33 + name.length + (1 - (name.length % 2)));
  s.u8(0, s.bytes.length); // Length of Directory Record
  both32(s, 2, sector); // Location of Extent
  both32(s, 10, length); // Data Length
  const date = new Date(time * 1000);
  const parts = [
    date.getUTCFullYear() - 1900,
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    0, // offset from Greenwich
  ];
  parts.forEach((part, i) => s.u8(18 + i, part)); // Recording Date and Time
  s.u8(25, isDirectory ? 2 : 0); // File Flags
  both16(s, 28, 1); // Volume Sequence Number
  s.u8(32, name.length); // Length of File Identifier
  s.raw(33, ascii(name), name.length); // File Identifier
  return s.bytes;
}

/** Date and time as 16 digits and an offset from Greenwich (8.4.26.1); without a time, digits of zero. */
function longDate(time: number | undefined): Bytes {
  const digits =
    time === undefined ? "0".repeat(14) : new Date(time * 1000).toISOString().replace(/\D/g, "").slice(0, 14);
  return ascii(`${digits}00\0`);
}

function both16(s: Struct, offset: number, value: number): void {
  s.u16(offset, value);
  s.raw(offset + 2, Uint8Array.of(value >> 8, value & 0xff), 2);
}

function both32(s: Struct, offset: number, value: number): void {
  s.u32(offset, value);
  s.be32(offset + 4, value);
}

function sectorOf(start: number): number {
  if (start % DISC_SECTOR !== 0) throw new RangeError(`byte ${start} does not start a sector of a disc`);
  return start / DISC_SECTOR;
}

function sum16(bytes: Bytes): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! + bytes[i + 1]! * 256;
  return sum & 0xffff;
}

function named(name: string, shape: RegExp): void {
  if (!shape.test(name)) throw new RangeError(`"${name}" is no name for ISO 9660, which asks for ${shape}`);
}

function text(value: string, length: number): Bytes {
  return ascii(value.padEnd(length));
}

function ascii(value: string): Bytes {
  return Uint8Array.from(value, (letter) => letter.charCodeAt(0));
}

function joined(parts: readonly Bytes[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > DISC_SECTOR) throw new RangeError(`${length} bytes of names do not fit a sector`);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
