import type { Bytes } from "./segment.ts";

/**
 * Writes the fields of an on-disk structure at their offsets, little-endian unless the name says otherwise.
 * Throws `RangeError` when a value does not fit its field; `DataView` would wrap it. Whatever is not written
 * stays as it was, in new bytes zero.
 */
export class Struct {
  readonly bytes: Bytes;
  /** Where offsets count from: one `Struct` serves many records in a row, and making one for each costs more. */
  base = 0;
  private readonly view: DataView;

  /** Over the given bytes, or over so many new ones. */
  constructor(bytes: Bytes | number) {
    this.bytes = typeof bytes === "number" ? new Uint8Array(bytes) : bytes;
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }

  u8(offset: number, value: number): void {
    this.view.setUint8(this.base + offset, within(value, 0xff));
  }

  u16(offset: number, value: number): void {
    this.view.setUint16(this.base + offset, within(value, 0xffff), true);
  }

  u32(offset: number, value: number): void {
    this.view.setUint32(this.base + offset, within(value, 0xffff_ffff), true);
  }

  /** Big-endian, as the journal has it. */
  be32(offset: number, value: number): void {
    this.view.setUint32(this.base + offset, within(value, 0xffff_ffff), false);
  }

  /** Bytes as they are; `room` is the length of the field. */
  raw(offset: number, bytes: Uint8Array, room: number): void {
    if (bytes.length > room) throw new RangeError(`${bytes.length} bytes do not fit a field of ${room}`);
    this.bytes.set(bytes, this.base + offset);
  }
}

/** The low 32 bits of a whole number, as the `_lo` half of a field. */
export function low32(value: number): number {
  return value % 0x1_0000_0000;
}

/** What is above the low 32 bits, as the `_hi` half of a field. */
export function high32(value: number): number {
  return Math.floor(value / 0x1_0000_0000);
}

function within(value: number, most: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new RangeError(`${value} does not fit a field of 0 to ${most}`);
}
