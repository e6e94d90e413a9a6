import { expect, test } from "vitest";
import { high32, low32, Struct } from "./struct.ts";

test("refuses what a field cannot hold", () => {
  const s = new Struct(8);
  for (const bad of [-1, 256, 1.5, Number.NaN, Infinity]) expect(() => s.u8(0, bad)).toThrow(RangeError);
  expect(() => s.u16(0, 0x1_0000)).toThrow(RangeError);
  expect(() => s.u32(0, 0x1_0000_0000)).toThrow(RangeError);
  expect(() => s.be32(0, -1)).toThrow(RangeError);
  expect(() => s.raw(0, new Uint8Array(5), 4)).toThrow(RangeError);
  expect(s.bytes).toEqual(new Uint8Array(8));
});

test("writes little-endian, unless told otherwise, at the offsets given", () => {
  const s = new Struct(8);
  s.u16(0, 0x0102);
  s.be32(4, 0x03040506);
  expect([...s.bytes]).toEqual([2, 1, 0, 0, 3, 4, 5, 6]);
});

test("halves numbers of more than 32 bits", () => {
  expect([high32(0x12_3456_7890), low32(0x12_3456_7890)]).toEqual([0x12, 0x3456_7890]);
});
