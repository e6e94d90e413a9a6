import { expect, test } from "vitest";
import * as fields from "./fields.ts";
import { be32, raw, Struct, u16, u32, u8, type Field, type RawField } from "./struct.ts";

test("refuses what a field cannot hold", () => {
  const s = new Struct(8);
  for (const bad of [-1, 256, 1.5, Number.NaN, Infinity]) {
    expect(() => s.u8(0, bad)).toThrow(RangeError);
    expect(() => s.set(u8(0), bad)).toThrow(RangeError);
  }
  expect(() => s.u16(0, 0x1_0000)).toThrow(RangeError);
  expect(() => s.u32(0, 0x1_0000_0000)).toThrow(RangeError);
  expect(() => s.be32(0, -1)).toThrow(RangeError);
  expect(() => s.raw(0, new Uint8Array(5), 4)).toThrow(RangeError);
  expect(() => s.setRaw(raw(0, 4), new Uint8Array(5))).toThrow(RangeError);
  expect(() => s.setSplit(u16(0), u16(2), 0x1_0000_0000)).toThrow(RangeError);
  expect(s.bytes).toEqual(new Uint8Array(8));
});

test("writes little-endian, unless told otherwise, at the offsets given", () => {
  const s = new Struct(8);
  s.u16(0, 0x0102);
  s.be32(4, 0x03040506);
  expect([...s.bytes]).toEqual([2, 1, 0, 0, 3, 4, 5, 6]);
});

test.each([
  [u8(1), 0xfe],
  [u16(1), 0xfedc],
  [u32(1), 0xfedc_ba98],
  [be32(1), 0xfedc_ba98],
])("reads what it wrote, from its base and a start on: %o", (field, value) => {
  const s = new Struct(16);
  s.base = 4;
  s.set(field, value, 3);
  expect(s.get(field, 3)).toBe(value);
  expect(s.bytes.findIndex((byte) => byte !== 0)).toBe(8);
});

test("splits numbers over two fields", () => {
  const s = new Struct(8);
  s.setSplit(u32(0), u16(4), 0x12_3456_7890);
  expect([s.get(u32(0)), s.get(u16(4))]).toEqual([0x3456_7890, 0x12]);
  expect(s.getSplit(u32(0), u16(4))).toBe(0x12_3456_7890);
  s.setSplit(u16(0), u8(7), 0x12_3456);
  expect(s.getSplit(u16(0), u8(7))).toBe(0x12_3456);
});

test("the fields of a structure do not overlap", () => {
  const tables = Object.entries(fields).filter(
    ([, table]) => typeof table === "object" && !("type" in table),
  );
  expect(tables.length).toBeGreaterThan(10);
  const sizes = { u8: 1, u16: 2, u32: 4, be32: 4 };
  for (const [name, table] of tables) {
    const all = Object.values(table as Record<string, Field | RawField | Field[]>).flat();
    all.sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const field of all) {
      expect(field.offset, `${name} at ${field.offset}`).toBeGreaterThanOrEqual(end);
      end = field.offset + ("type" in field ? sizes[field.type] : field.length);
    }
  }
});
