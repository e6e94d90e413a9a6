/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256: entry `256 k + b` is what byte `b` does to the register when `k` zero bytes follow it. */
const TABLE = makeTables();

/**
 * The CRC-32C register after `bytes` from `start` up to `end`, beginning with the register `crc`. This is the raw
 * register, neither inverted before nor after: ext4 starts it at ~0 and never inverts it at the end.
 *
 * Eight bytes a step ("slicing by 8", M. Kounavis and F. Berry, 2005): three times the speed of one table.
 */
export function crc32c(crc: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  const t = TABLE;
  let i = start;
  for (const stop = end - 7; i < stop; i += 8) {
    crc =
      t[1792 + ((crc ^ bytes[i]!) & 0xff)]! ^
      t[1536 + (((crc >>> 8) ^ bytes[i + 1]!) & 0xff)]! ^
      t[1280 + (((crc >>> 16) ^ bytes[i + 2]!) & 0xff)]! ^
      t[1024 + ((crc >>> 24) ^ bytes[i + 3]!)]! ^
      t[768 + bytes[i + 4]!]! ^
      t[512 + bytes[i + 5]!]! ^
      t[256 + bytes[i + 6]!]! ^
      t[bytes[i + 7]!]!;
  }
  for (; i < end; i++) crc = t[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return crc >>> 0;
}

/** The register after the four bytes of a little-endian word. */
export function crc32cWord(crc: number, word: number): number {
  const t = TABLE;
  const x = crc ^ word;
  return (
    (t[768 + (x & 0xff)]! ^ t[512 + ((x >>> 8) & 0xff)]! ^ t[256 + ((x >>> 16) & 0xff)]! ^ t[x >>> 24]!) >>> 0
  );
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!;
    tables[i] = tables[before & 0xff]! ^ (before >>> 8);
  }
  return tables;
}
