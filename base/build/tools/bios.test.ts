import { expect, test } from "vitest";
import { pattern } from "../../../src/testing/bytes.ts";
import { bootSector, discCore, diskCore } from "./bios.ts";

const view = (bytes: Uint8Array<ArrayBuffer>) => new DataView(bytes.buffer, bytes.byteOffset);

/** A master boot record with a signature, and a protective partition and nothing else. */
function protective() {
  const mbr = new Uint8Array(512);
  mbr.set([1, 2, 3, 4], 440);
  mbr.set([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0xff, 0xff, 0, 0], 446);
  mbr.set([0x55, 0xaa], 510);
  return mbr;
}

test("the boot sector is GRUB's code, told where its core is, and the table that was there", () => {
  const boot = pattern(512);
  const mbr = protective();
  const made = bootSector(boot, mbr, 0x20_0000);

  expect(made.subarray(0, 0x5c)).toEqual(boot.subarray(0, 0x5c));
  expect(view(made).getBigUint64(0x5c, true)).toBe(4096n);
  expect(made[0x64]).toBe(boot[0x64]);
  expect([...made.subarray(0x66, 0x68)]).toEqual([0x90, 0x90]);
  expect(made.subarray(0x68, 440)).toEqual(boot.subarray(0x68, 440));
  expect(made.subarray(440, 462)).toEqual(mbr.subarray(440, 462));
  expect([...made.subarray(462, 478)]).toEqual([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
  expect(made.subarray(478)).toEqual(mbr.subarray(478));
  expect(mbr).toEqual(protective());
});

test("a boot sector is refused when it is none, when its core is off a sector, when there are MBR partitions", () => {
  const second = protective();
  second[462 + 4] = 0x0c;
  expect(() => bootSector(pattern(511), protective(), 512)).toThrow("boot.img has 511 bytes");
  expect(() => bootSector(pattern(512), protective(), 513)).toThrow("byte 513 does not start a sector");
  expect(() => bootSector(pattern(512), second, 512)).toThrow("more than the protective partition");
});

test.each([513, 1023, 1024, 1025, 100_000])("a disk's core of %i bytes says where its rest is", (length) => {
  const core = pattern(length);
  const sectors = Math.ceil(length / 512) - 1;
  view(core).setUint16(508, sectors, true);
  const made = diskCore(core, 0x20_0000);

  expect(made.length).toBe((sectors + 1) * 512);
  expect(view(made).getBigUint64(500, true)).toBe(4097n);
  expect(view(made).getUint16(508, true)).toBe(sectors);
  expect(made.subarray(0, 500)).toEqual(core.subarray(0, 500));
  expect(made.subarray(510, length)).toEqual(core.subarray(510));
  view(core).setUint16(508, sectors + 1, true);
  expect(() => diskCore(core, 0)).toThrow(`lists ${sectors + 1} sectors and has ${sectors}`);
});

test.each([2047, 2048, 2049, 100_000])(
  "a disc's core of %i bytes has its boot information table",
  (length) => {
    const core = pattern(length);
    const made = discCore(core, 0x1_0000);
    const words = Array.from({ length: (made.length - 64) / 4 }, (_, i) =>
      view(made).getUint32(64 + 4 * i, true),
    );

    expect(made.length % 2048).toBe(0);
    expect([8, 12, 16].map((at) => view(made).getUint32(at, true))).toEqual([16, 32, made.length]);
    expect(view(made).getUint32(20, true)).toBe(
      Number(words.reduce((a, b) => a + BigInt(b), 0n) & 0xffffffffn),
    );
    expect(made.subarray(0, 8)).toEqual(core.subarray(0, 8));
    expect(made.subarray(24, length)).toEqual(core.subarray(24));
    expect(() => discCore(core, 512)).toThrow("byte 512 does not start a sector of a disc");
  },
);
