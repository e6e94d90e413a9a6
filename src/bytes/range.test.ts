import { expect, test } from "vitest";
import { partOf } from "./range.ts";

test.each([
  ["bytes=0-0", 206, 0, 1, "bytes 0-0/10"],
  ["bytes=0-9", 206, 0, 10, "bytes 0-9/10"],
  ["bytes=3-5", 206, 3, 3, "bytes 3-5/10"],
  ["bytes=8-99", 206, 8, 2, "bytes 8-9/10"],
  ["bytes=7-", 206, 7, 3, "bytes 7-9/10"],
  ["bytes=-2", 206, 8, 2, "bytes 8-9/10"],
  ["bytes=-99", 206, 0, 10, "bytes 0-9/10"],
  ["bytes=10-", 416, 0, 0, "bytes */10"],
  ["bytes=10-12", 416, 0, 0, "bytes */10"],
  ["bytes=-0", 416, 0, 0, "bytes */10"],
  ["bytes=5-3", 200, 0, 10, undefined],
  ["bytes=-", 200, 0, 10, undefined],
  ["bytes=0-1,3-4", 200, 0, 10, undefined],
  ["lines=0-1", 200, 0, 10, undefined],
  [undefined, 200, 0, 10, undefined],
])("of ten bytes, %s is answered with %i", (header, status, start, length, contentRange) => {
  const headers = contentRange === undefined ? {} : { "Content-Range": contentRange };
  expect(partOf(header, 10)).toEqual({ status, start, length, headers });
});

test("a range of several gigabytes keeps its digits", () => {
  expect(partOf("bytes=4294967296-", 5_000_000_000)).toMatchObject({
    start: 4_294_967_296,
    length: 705_032_704,
  });
});

test("an empty file has no range to be asked for", () => {
  expect(partOf("bytes=0-", 0).status).toBe(416);
  expect(partOf(undefined, 0)).toMatchObject({ status: 200, length: 0 });
});
