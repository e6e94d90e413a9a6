import { execFileSync } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import type { Random } from "../../src/testing/fuzz/mutate.ts";

// What a machine has written to a disk, one write after the other, as QEMU's `blklogwrites` driver keeps it, in the form of
// Linux's dm-log-writes (drivers/md/dm-log-writes.c, documented in admin-guide/device-mapper/log-writes). Of it is made what
// the disk holds after the power has been cut.

/** Bytes that a disk writes at once, or not at all. */
const SECTOR = 512;

/** As dm-log-writes has it. */
const MAGIC = 0x6a736677736872n;
const FLUSH = 1;
const FUA = 2;
const DISCARD = 4;

/** A write, or a flush: everything written before is on the disk for good. */
export interface Write {
  /** Where, and how much: in sectors. */
  readonly start: number;
  readonly length: number;
  /** Where its bytes lie in the log; none of a flush. */
  readonly at: number;
  /** Whether what was written before is on the disk for good once this is. */
  readonly flush: boolean;
  /** Whether this itself is, without a flush. */
  readonly through: boolean;
}

/**
 * All that is in the log, in order. It is read to the end of what was written, since QEMU, when it is killed, has not counted
 * the last ones. Throws `Error` when it is none, or when something was discarded, which no stick of ours is asked to.
 */
export function readWriteLog(file: string): Write[] {
  const log = openSync(file, "r");
  try {
    const { size } = fstatSync(log);
    const sector = Buffer.alloc(SECTOR);
    readSync(log, sector, 0, SECTOR, 0);
    if (sector.readBigUInt64LE(0) !== MAGIC || sector.readUInt32LE(24) !== SECTOR)
      throw new Error(`${file} is no log of writes in sectors of ${SECTOR} bytes`);
    const writes: Write[] = [];
    for (let at = SECTOR; at + SECTOR <= size;) {
      readSync(log, sector, 0, SECTOR, at);
      at += SECTOR;
      const [start, length, flags] = [0, 8, 16].map((field) => Number(sector.readBigUInt64LE(field))) as [
        number,
        number,
        number,
      ];
      if (length === 0 && flags === 0) break; // the log has been made longer than it has become
      if (flags & DISCARD) throw new Error(`${length} sectors from ${start} on were discarded`);
      writes.push({ start, length, at, flush: (flags & FLUSH) !== 0, through: (flags & FUA) !== 0 });
      at += length * SECTOR;
    }
    return writes;
  } finally {
    closeSync(log);
  }
}

/** A cut of the power, decided by chance. */
export interface Cut {
  /** How many writes had been sent to the disk. */
  readonly sent: number;
  /** How many of the first of them were there for good. */
  readonly kept: number;
  /** Sectors of the others that reached the disk; a write can be torn between any two. */
  readonly sectors: number;
}

/** A disk whose writes have been logged. */
export interface LoggedDisk {
  /** What it held when the machine was switched on. */
  readonly before: string;
  /** The log, and what is in it. */
  readonly log: string;
  readonly writes: readonly Write[];
  /** Bytes of the disk's own memory. */
  readonly cache: number;
}

/**
 * Make `image` what the disk holds when the power is cut at a moment that `random` chooses, unless `sent` says it. What was there for good is on it:
 * all that was sent before the last flush. Of what was sent after, and has been in the disk's own memory, there is none, all, or
 * each sector with the same chance, and where one was written more than once, any of them. A disk that is never told to
 * flush, as Linux tells no USB stick, has the last `cache` bytes in its memory.
 */
export function cutPower(
  { before, log, writes, cache }: LoggedDisk,
  image: string,
  random: Random,
  sent = random.below(writes.length + 1),
): Cut {
  let kept = sent;
  for (let bytes = 0; kept > 0 && !writes[kept - 1]!.flush; kept--) {
    bytes += writes[kept - 1]!.length * SECTOR;
    if (bytes > cache) break;
  }
  const percent = random.of([0, 100, random.below(101)]);
  execFileSync("cp", ["--sparse=always", "--reflink=auto", before, image]);
  const [disk, source] = [openSync(image, "r+"), openSync(log, "r")];
  try {
    const copy = (write: Write, sector: number, count: number) => {
      const bytes = Buffer.alloc(count * SECTOR);
      readSync(source, bytes, 0, bytes.length, write.at + sector * SECTOR);
      writeSync(disk, bytes, 0, bytes.length, (write.start + sector) * SECTOR);
    };
    for (const write of writes.slice(0, kept)) if (write.length > 0) copy(write, 0, write.length);
    const late = writes
      .slice(kept, sent)
      .flatMap((write, i) =>
        Array.from({ length: write.length }, (_, sector) => ({
          write,
          sector,
          order: write.through ? 1000 + i : random.below(1000),
        })),
      )
      .filter(({ write }) => write.through || random.below(100) < percent)
      .sort((one, other) => one.order - other.order);
    for (const { write, sector } of late) copy(write, sector, 1);
    return { sent, kept, sectors: late.length };
  } finally {
    closeSync(disk);
    closeSync(source);
  }
}
