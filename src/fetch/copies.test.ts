import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Bytes } from "../bytes/segment.ts";
import { copiesName, formatCopies, LARGEST_COPIES, LEAST_COPIED, type Copy } from "../release/copies.ts";
import { pattern } from "../testing/bytes.ts";
import { files, serve } from "../testing/range-server.ts";
import { fetchCopies } from "./copies.ts";
import { DEFAULT_RETRY, RetryPolicy } from "./retry.ts";

const SIZE = 10 * LEAST_COPIED;
const OLDER = { sha256: "0123456789abcdef".repeat(4), size: SIZE + 1, ranges: [{ start: 0, length: SIZE }] };
const NAME = `/base/${copiesName(OLDER.sha256)}`;
const retry = new RetryPolicy({ ...DEFAULT_RETRY, firstWaitMs: 1, longestWaitMs: 2 });
const never = new AbortController().signal;
const COPIES: Copy[] = [
  { start: 5, from: 1000, length: 2 * LEAST_COPIED },
  { start: 4 * LEAST_COPIED, from: 0, length: LEAST_COPIED - 1 }, // too little
  { start: 6 * LEAST_COPIED, from: SIZE - LEAST_COPIED, length: LEAST_COPIED + 1 }, // the last byte is not here
];
const list = formatCopies(COPIES, { size: SIZE, olderSize: OLDER.size });
const packed = (bytes: Bytes) => new Uint8Array(gzipSync(bytes));
const warn = vi.spyOn(console, "warn");

beforeEach(() => void warn.mockReset());
afterEach(() => void vi.useRealTimers());

async function copiesAt(server: { readonly url: string }): Promise<readonly Copy[]> {
  return await fetchCopies({ url: `${server.url}/base/base.img`, size: SIZE }, OLDER, retry, never);
}

test("what is in the older image, can be read there, and is worth it", async () => {
  await using server = await serve(files({ [NAME]: packed(list) }));
  expect(await copiesAt(server)).toEqual([COPIES[0], { ...COPIES[2], length: LEAST_COPIED }]);
  expect(server.requests).toEqual([`GET ${NAME}`]);
  expect(warn).not.toHaveBeenCalled();
});

test.each([403, 404])("an answer of %i: there is none, which is nothing to tell", async (status) => {
  await using server = await serve((_, response) => void response.writeHead(status).end());
  expect(await copiesAt(server)).toEqual([]);
  expect(server.requests).toHaveLength(1);
  expect(warn).not.toHaveBeenCalled();
});

test.each<[string, Bytes | string]>([
  ["not gzip", pattern(100)],
  ["a web page", "<!doctype html>"],
  ["cut off", packed(list).slice(0, -9)],
  ["for other images", packed(formatCopies([], { size: 1, olderSize: 1 }))],
  ["larger than any list", pattern(LARGEST_COPIES + 1)],
  ["larger than any list when it is unpacked", packed(new Uint8Array(LARGEST_COPIES + 1))],
])("a list that is %s is as good as none, and the console is told", async (_, content) => {
  await using server = await serve(files({ [NAME]: content }));
  expect(await copiesAt(server)).toEqual([]);
  expect(warn).toHaveBeenCalledOnce();
});

test("a server that fails is asked again; stopping ends that", async () => {
  let tries = 0;
  await using server = await serve((request, response) => {
    if (++tries < 3) request.socket.destroy();
    else files({ [NAME]: packed(list) })(request, response);
  });
  expect(await copiesAt(server)).toHaveLength(2);
  expect(tries).toBe(3);
  const reason = new DOMException("enough", "AbortError");
  const url = `${server.url}/base/base.img`;
  await expect(fetchCopies({ url, size: SIZE }, OLDER, retry, AbortSignal.abort(reason))).rejects.toBe(
    reason,
  );
});
