import type { Bytes } from "./segment.ts";

/** A number in an on-disk structure: where it is, and how it is stored. `be32` is big-endian, the others little. */
export interface Field {
  readonly offset: number;
  readonly type: "u8" | "u16" | "u32" | "be32";
}

/** Bytes in an on-disk structure: a UUID, a name, a structure within. */
export interface RawField {
  readonly offset: number;
  readonly length: number;
}

/** A field of 8 bits, `offset` bytes into its structure. */
export const u8 = (offset: number): Field => ({ offset, type: "u8" });
/** A field of 16 bits, little-endian. */
export const u16 = (offset: number): Field => ({ offset, type: "u16" });
/** A field of 32 bits, little-endian. */
export const u32 = (offset: number): Field => ({ offset, type: "u32" });
/** A field of 32 bits, big-endian, as the journal has them. */
export const be32 = (offset: number): Field => ({ offset, type: "be32" });
/** A field of `length` bytes that are taken as they are. */
export const raw = (offset: number, length: number): RawField => ({ offset, length });

/**
 * Reads and writes the fields of an on-disk structure, by a field's name or at an offset. All that writes throws
 * `RangeError` when a value does not fit its field; `DataView` would wrap it. What is not written stays as it was, which
 * in new bytes is zero. Everything throws `RangeError` beyond the end of the bytes.
 */
export class Struct {
  readonly bytes: Bytes;
  /** Where offsets count from: one `Struct` serves many records in a row, and making one for each costs more. */
  base = 0;
  readonly #view: DataView;

  /** Over the given bytes, or over that many new ones. */
  constructor(bytes: Bytes | number) {
    this.bytes = typeof bytes === "number" ? new Uint8Array(bytes) : bytes;
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }

  /** Write a field of a structure that begins at `start`. */
  set({ offset, type }: Field, value: number, start = 0): void {
    if (type === "u32") this.u32(start + offset, value);
    else if (type === "u16") this.u16(start + offset, value);
    else if (type === "u8") this.u8(start + offset, value);
    else this.be32(start + offset, value);
  }

  /** Write a whole number that is split over two fields, the second of which has the high bits. */
  setSplit(low: Field, high: Field, value: number, start = 0): void {
    const radix = radixOf(low);
    this.set(low, value % radix, start);
    this.set(high, Math.floor(value / radix), start);
  }

  /** Write bytes that are at most as long as their field. */
  setRaw({ offset, length }: RawField, bytes: Uint8Array, start = 0): void {
    this.raw(start + offset, bytes, length);
  }

  /** The number in a field of a structure that begins at `start`. */
  get({ offset, type }: Field, start = 0): number {
    const at = this.base + start + offset;
    if (type === "u32") return this.#view.getUint32(at, true);
    if (type === "u16") return this.#view.getUint16(at, true);
    if (type === "u8") return this.#view.getUint8(at);
    return this.#view.getUint32(at, false);
  }

  /** The number that is split over two fields. Exact up to 2^53. */
  getSplit(low: Field, high: Field, start = 0): number {
    return this.get(low, start) + this.get(high, start) * radixOf(low);
  }

  /** A copy of the bytes in a field. */
  getRaw({ offset, length }: RawField, start = 0): Bytes {
    const at = this.base + start + offset;
    return this.bytes.slice(at, at + length);
  }

  u8(offset: number, value: number): void {
    this.#view.setUint8(this.base + offset, within(value, 0xff));
  }

  u16(offset: number, value: number): void {
    this.#view.setUint16(this.base + offset, within(value, 0xffff), true);
  }

  u32(offset: number, value: number): void {
    this.#view.setUint32(this.base + offset, within(value, 0xffff_ffff), true);
  }

  be32(offset: number, value: number): void {
    this.#view.setUint32(this.base + offset, within(value, 0xffff_ffff), false);
  }

  /** Bytes as they are; `room` is the length of the field. */
  raw(offset: number, bytes: Uint8Array, room: number): void {
    if (bytes.length > room) throw new RangeError(`${bytes.length} bytes do not fit a field of ${room}`);
    this.bytes.set(bytes, this.base + offset);
  }
}

/** How many values the low one of two fields tells apart. */
function radixOf({ type }: Field): number {
  return type === "u16" ? 0x1_0000 : 0x1_0000_0000;
}

function within(value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(`${value} does not fit a field of 0 to ${max}`);
}
