import { expect, test } from "vitest";
import { parseContentRange } from "./content-range.ts";

test.each([
  ["bytes 0-0/1", 0, 0, 1],
  ["bytes 5-9/10", 5, 9, 10],
  ["bytes 0-9/*", 0, 9, undefined],
  ["Bytes 5-9/10", 5, 9, 10],
  ["BYTES 05-0009/0010", 5, 9, 10],
  ["bytes 4294967296-5000000000/5000000001", 4_294_967_296, 5_000_000_000, 5_000_000_001],
  ["bytes 0-9007199254740991/*", 0, Number.MAX_SAFE_INTEGER, undefined],
])("%s", (header, first, last, total) => {
  expect(parseContentRange(header)).toEqual({ first, last, total });
});

test.each([
  "",
  "bytes",
  "bytes */10", // of a 416: brings nothing
  "bytes */*",
  "bytes 0-10/10", // beyond the end
  "bytes 5-4/10",
  "bytes 0-0/0",
  "bytes=0-9/10",
  "bytes: 0-9/10",
  "bytes 0-9",
  "bytes 0-9/",
  "bytes 0-/10",
  "bytes -9/10",
  "bytes  0-9/10",
  "bytes 0 - 9/10",
  "bytes 0-9 / 10",
  " bytes 0-9/10",
  "bytes 0-9/10 ",
  "bytes 0-9/10, bytes 0-9/10",
  "bytes 0x0-0x9/10",
  "bytes +0-9/10",
  "bytes 0-9.0/10",
  "octets 0-9/10",
  "xbytes 0-9/10",
  "bytes 0-9007199254740992/*",
])("no Content-Range with bytes: %j", (header) => {
  expect(parseContentRange(header)).toBeUndefined();
});
