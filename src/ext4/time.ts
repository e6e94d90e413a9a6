import { FilesystemError } from "./error.ts";

/**
 * A moment. A number is seconds since 1970, with a fraction if you like (a double resolves about a quarter of a
 * microsecond today); a bigint is nanoseconds since 1970, exact.
 */
export type Time = number | bigint;

/** A moment as an inode stores it: whole seconds since 1970, rounded down, and nanoseconds after that. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** 1901-12-13 20:45:52 UTC, seconds since 1970: the least of 32 bits with a sign. */
export const EARLIEST = -0x8000_0000;
/** 2446-05-10 22:38:55 UTC, seconds since 1970: two more bits in `i_mtime_extra` add up to three times 2^32 seconds. */
export const LATEST = 0x7fff_ffff + 3 * 0x1_0000_0000;

/** A moment as an inode stores it. Throws `FilesystemError`, naming `path`, when it is no number or not in 1901 to 2446. */
export function timestamp(time: Time, path?: string): Timestamp {
  const { seconds, nanoseconds } = typeof time === "bigint" ? fromNanoseconds(time) : fromSeconds(time);
  if (!(seconds >= EARLIEST && seconds <= LATEST)) {
    const where = path === undefined ? {} : { path };
    throw new FilesystemError(`time ${time} is not within ${EARLIEST} to ${LATEST} (1901 to 2446)`, where);
  }
  return { seconds, nanoseconds };
}

/** `i_mtime_extra` and its like: two more bits of seconds, then nanoseconds. */
export function extra({ seconds, nanoseconds }: Timestamp): number {
  const epoch = Math.floor((seconds - EARLIEST) / 0x1_0000_0000); // 0 up to 2038, 1 up to 2174 …
  return nanoseconds * 4 + epoch;
}

/** The inverse of `extra` and the low 32 bits: from `i_mtime` as an unsigned field and `i_mtime_extra`, nanoseconds since 1970. */
export function nanosecondsSince1970(field: number, extraField: number): bigint {
  const seconds = (field | 0) + (extraField & 3) * 0x1_0000_0000;
  return BigInt(seconds) * 1_000_000_000n + BigInt(extraField >>> 2);
}

function fromSeconds(time: number): Timestamp {
  const seconds = Math.floor(time);
  return { seconds, nanoseconds: Math.min(999_999_999, Math.floor((time - seconds) * 1e9)) }; // just below 0 rounds up
}

function fromNanoseconds(time: bigint): Timestamp {
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((time - nanoseconds) / 1_000_000_000n), nanoseconds: Number(nanoseconds) };
}
