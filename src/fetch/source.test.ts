import { expect, test } from "vitest";
import type { Bytes } from "../bytes/segment.ts";
import { gather, pattern } from "../testing/bytes.ts";
import { serve } from "../testing/range-server.ts";
import { readPart, Source } from "./source.ts";

const never = new AbortController().signal;
const asked = { start: 100, end: 200, size: 1000 };

test.each([
  ["all that was asked for", "bytes 100-199/1000", 0, 100],
  ["less", "bytes 100-149/1000", 0, 50],
  ["one byte", "bytes 100-100/1000", 0, 1],
  ["more", "bytes 100-999/1000", 0, 100],
  ["from before", "bytes 64-255/1000", 36, 100],
  ["from before, and less", "bytes 0-100/1000", 100, 1],
  ["of an image whose size is not known", "Bytes 0-999/*", "whole", 0],
  ["the same of a part", "bytes 100-199/*", 0, 100],
  ["all of the image", "bytes 0-999/1000", "whole", 0],
])("a part with %s", (_, range, skip, length) => {
  const part = readPart(new Headers({ "Content-Range": range }), asked, false);
  expect(part).toEqual(skip === "whole" ? "whole" : { skip, length });
});

test("the whole image is a part like any other where all of it was asked for", () => {
  const headers = new Headers({ "Content-Range": "bytes 0-999/1000" });
  expect(readPart(headers, { start: 0, end: 1000, size: 1000 }, false)).toEqual({ skip: 0, length: 1000 });
});

test.each([
  ["of another image", { "Content-Range": "bytes 100-199/1001" }, /sent "bytes 100-199\/1001"$/],
  ["beyond the image", { "Content-Range": "bytes 100-1000/*" }, /sent "bytes 100-1000\/\*"$/],
  [
    "from behind the first byte",
    { "Content-Range": "bytes 101-199/1000" },
    /asked for bytes 100-199\/1000, sent/,
  ],
  ["from before the first byte", { "Content-Range": "bytes 0-99/1000" }, /sent "bytes 0-99/],
  [
    "that is none",
    { "Content-Range": "bytes=100-199/1000" },
    /an invalid Content-Range, "bytes=100-199\/1000"$/,
  ],
  ["without saying which", { "Content-Length": "100" }, /without saying which \(no Content-Range\)$/],
  [
    "in several",
    { "Content-Type": "multipart/byteranges; boundary=B", "Content-Range": "bytes 100-199/1000" },
    /several parts \(multipart\/byteranges\)$/,
  ],
])("a part %s is refused by name", (_, headers, message) => {
  expect(() => readPart(new Headers(headers), asked, false)).toThrow(message);
});

test.each([
  ["100", 100],
  ["60", 60],
  [undefined, undefined],
])(
  "where a page may not see Content-Range, %s bytes are the beginning of what was asked for",
  (sent, length) => {
    const headers = new Headers(sent === undefined ? {} : { "Content-Length": sent });
    expect(readPart(headers, asked, true)).toEqual({ skip: 0, length });
  },
);

test("but not what is too long to be that", () => {
  expect(() => readPart(new Headers({ "Content-Length": "101" }), asked, true)).toThrow(/sent 101 bytes$/);
});

const image = pattern(1000);

test("what a server caps is asked for bit by bit", async () => {
  await using server = await serve((request, response) => {
    const [, start = 0] = (/bytes=(\d+)-/.exec(request.headers.range ?? "") ?? []).map(Number);
    const end = Math.min(start + 40, 200);
    response.writeHead(206, {
      "Content-Range": `bytes ${start}-${end - 1}/1000`,
      "Content-Length": end - start,
    });
    response.end(image.subarray(start, end));
  });
  const source = new Source(server.url, 1000);
  const chunks: Bytes[] = [];
  for await (const chunk of source.read(100, 200, 1000, never)) chunks.push(chunk.slice());
  const bytes = Buffer.concat(chunks);
  expect(bytes.equals(image.subarray(100, 200))).toBe(true);
  expect(server.requests).toEqual(["GET / bytes=100-199", "GET / bytes=140-199", "GET / bytes=180-199"]);
});

test.each([
  ["a page to sign in on, where a part was asked for", undefined, "<html>", undefined],
  ["a page to sign in on, where all was asked for", false, "<html>", false],
])("%s does not say whether there are ranges", async (_, before, page, after) => {
  await using server = await serve((_request, response) => response.end(page));
  const source = new Source(server.url, 1000);
  source.health.ranges = before;
  await expect(gather(source.read(0, 100, 1000, never))).rejects.toMatchObject({ kind: "portal" });
  expect(source.health.ranges).toBe(after);
});

test("all of an image, as a part, says that there are no ranges", async () => {
  await using server = await serve((_, response) => {
    response.writeHead(206, { "Content-Range": "bytes 0-999/1000" }).end(image);
  });
  const source = new Source(server.url, 1000);
  await expect(gather(source.read(100, 200, 1000, never))).rejects.toThrow("knows no ranges");
  expect(source.health.ranges).toBe(false);
});
