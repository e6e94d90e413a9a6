import { Struct } from "../../../src/ext4/struct.ts";
import type { Bytes } from "../../../src/bytes/segment.ts";
import { DISC_SECTOR, ISO_START } from "./iso.ts";

/**
 * GRUB's images for a BIOS (`i386-pc`), told where they lie on the disk. Names and offsets are those of GRUB's
 * `include/grub/i386/pc/boot.h` and `include/grub/offsets.h`, and hold for GRUB 2.00 to 2.12.
 */

const SECTOR = 512;
const BOOT_CODE = 440; // of a master boot record; what follows is the disk's signature and its table

/**
 * A master boot record that starts the core image at `coreStart` (a disk's byte): `boot`, GRUB's `boot.img`, with
 * the table of the `mbr` that is there. Throws `RangeError` when `boot` is not what it should be.
 */
export function bootSector(boot: Bytes, mbr: Bytes, coreStart: number): Bytes {
  if (boot.length !== SECTOR) throw new RangeError(`boot.img has ${boot.length} bytes, not ${SECTOR}`);
  const s = new Struct(mbr.slice(0, SECTOR));
  s.raw(0, boot.subarray(0, BOOT_CODE), BOOT_CODE);
  s.raw(0x5c, sectorNumber(coreStart), 8); // GRUB_BOOT_MACHINE_KERNEL_SECTOR
  // GRUB_BOOT_MACHINE_DRIVE_CHECK: two NOPs instead of a jump, so that the drive's number that a BIOS hands over
  // is checked; there are some that hand over a floppy's. grub-bios-setup does the same on hard disks.
  s.raw(0x66, Uint8Array.of(0x90, 0x90), 2);
  active(s);
  return s.bytes;
}

/**
 * Some BIOSes refuse to start a disk without an active partition. So the table's second entry is active, and of type 0,
 * which other readers take for an unused entry. The protective entry itself may
 * not be active (UEFI specification 2.10, table 5.4). xorriso's `--mbr-force-bootable` does the same.
 */
function active(s: Struct): void {
  const second = 0x1be + 16;
  if (s.bytes.subarray(second, 0x1fe).some((byte) => byte !== 0)) {
    throw new RangeError("the master boot record has more than the protective partition");
  }
  s.u8(second, 0x80); // Boot indicator
  s.u32(second + 12, 1); // Length, in sectors: not empty, for readers that look at the length alone
}

/**
 * The core image for disks (`grub-mkimage -O i386-pc`) as it must lie at `start`, a disk's byte. Its first sector
 * loads the others, by the list of runs at that sector's end (`struct grub_boot_blocklist`). Throws `RangeError`.
 */
export function diskCore(core: Bytes, start: number): Bytes {
  const sectors = Math.ceil(core.length / SECTOR) - 1;
  const s = new Struct(new Uint8Array((sectors + 1) * SECTOR));
  s.raw(0, core, core.length);
  const view = new DataView(s.bytes.buffer);
  const first = SECTOR - 12; // GRUB_BOOT_MACHINE_LIST_SIZE
  const listed = view.getUint16(first + 8, true); // len, which grub-mkimage has filled in
  if (listed !== sectors) throw new RangeError(`the core image lists ${listed} sectors and has ${sectors}`);
  s.raw(first, sectorNumber(start + SECTOR), 8); // start
  return s.bytes;
}

/**
 * The core image for discs (`grub-mkimage -O i386-pc-eltorito`) as it must lie at `start`: with the boot
 * information table at byte 8 (mkisofs(8), "EL TORITO BOOT INFORMATION TABLE"). Throws `RangeError`.
 */
export function discCore(core: Bytes, start: number): Bytes {
  if (start % DISC_SECTOR !== 0) throw new RangeError(`byte ${start} does not start a sector of a disc`);
  const s = new Struct(new Uint8Array(Math.ceil(core.length / DISC_SECTOR) * DISC_SECTOR));
  s.raw(0, core, core.length);
  s.u32(8, ISO_START / DISC_SECTOR); // bi_pvd: the primary volume descriptor
  s.u32(12, start / DISC_SECTOR); // bi_file
  s.u32(16, s.bytes.length); // bi_length
  const view = new DataView(s.bytes.buffer);
  let sum = 0;
  for (let at = 64; at < s.bytes.length; at += 4) sum = (sum + view.getUint32(at, true)) >>> 0;
  s.u32(20, sum); // bi_csum
  return s.bytes;
}

/** A logical block address of 64 bits, little-endian. */
function sectorNumber(start: number): Bytes {
  if (start % SECTOR !== 0) throw new RangeError(`byte ${start} does not start a sector`);
  const s = new Struct(8);
  s.u32(0, start / SECTOR);
  return s.bytes;
}
