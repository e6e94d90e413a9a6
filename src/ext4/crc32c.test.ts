import { expect, test } from "vitest";
import { pattern } from "../testing/bytes.ts";
import { crc32c, crc32cWord } from "./crc32c.ts";

/** The CRC as RFC 3720 (iSCSI), B.4, writes it: inverted at the end. */
const finished = (bytes: Uint8Array) => (~crc32c(0xffff_ffff, bytes) >>> 0).toString(16);

test.each([
  ["32 zeros", new Uint8Array(32), "8a9136aa"],
  ["32 ones", new Uint8Array(32).fill(0xff), "62a8ab43"],
  ["ascending", Uint8Array.from({ length: 32 }, (_, i) => i), "46dd794e"],
  ["descending", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), "113fdb5c"],
  ["123456789", new TextEncoder().encode("123456789"), "e3069283"],
] as const)("agrees with RFC 3720: %s", (_, bytes, crc) => {
  expect(finished(bytes)).toBe(crc);
});

test("is the same in whatever pieces, and by words", () => {
  const bytes = pattern(100);
  const whole = crc32c(7, bytes);
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(crc32c(crc32c(7, bytes, 0, cut), bytes, cut)).toBe(whole);
  }
  const word = new DataView(bytes.buffer).getUint32(0, true);
  expect(crc32cWord(7, word)).toBe(crc32c(7, bytes, 0, 4));
});
