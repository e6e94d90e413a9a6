import { expect, test } from "vitest";
import { BaseImageError } from "../errors.ts";
import { WINDOW } from "../manifest.ts";
import { Memory } from "../memory.ts";
import type { Bytes } from "../segment.ts";
import { testBase } from "../testing/base.ts";
import type { ReadRange } from "./base.ts";
import { fetchedLength, verifiedWindows } from "./verify.ts";

const { manifest, image } = await testBase();
const never = new AbortController().signal;
const count = manifest.digests.length;

/** Reads from memory in chunks of `size`, and notes what was asked for, in windows. */
function reader(bytes: Bytes, size = 1_000_003): { read: ReadRange; asked: [number, number][] } {
  const asked: [number, number][] = [];
  const read: ReadRange = async function* (start, length) {
    asked.push([start / WINDOW, length / WINDOW]);
    for (let at = start; at < start + length; at += size) {
      yield bytes.subarray(at, Math.min(at + size, start + length));
    }
  };
  return { read, asked };
}

test.each([65_536, 1_000_003, WINDOW, 2 * WINDOW])("chunks of %i become the image", async (size) => {
  const { read, asked } = reader(image, size);
  const windows = await gather(verifiedWindows(manifest, read, 0, count, never, new Memory(WINDOW)));
  expect(windows.map((window) => window.length)).toEqual([...Array(6).fill(WINDOW), 1024 * 1024]);
  expect(Buffer.concat(windows).equals(image)).toBe(true);
  expect(asked).toEqual([
    [0, 2],
    [3, 1],
    [6, 0.25],
  ]); // windows 2, 4 and 5 are zeros
});

test("what has to be fetched is known before", () => {
  expect(fetchedLength(manifest)).toBe(3 * WINDOW + 1024 * 1024);
});

test.each([0, WINDOW, 2 * WINDOW - 1, 3 * WINDOW, image.length - 1])(
  "one wrong bit at %i is noticed, and its window is not passed on",
  async (at) => {
    const wrong = image.slice();
    wrong[at]! ^= 1;
    const seen: Bytes[] = [];
    const reading = (async () => {
      for await (const w of verifiedWindows(
        manifest,
        reader(wrong).read,
        0,
        count,
        never,
        new Memory(WINDOW),
      ))
        seen.push(w);
    })();
    await expect(reading).rejects.toThrow(BaseImageError);
    expect(seen).toHaveLength(Math.floor(at / WINDOW));
  },
);

test("more than a span of windows takes more than one request", async () => {
  const digests = Array.from({ length: 20 }, () => manifest.digests[1] ?? "");
  const long = { ...manifest, image: { ...manifest.image, size: 20 * WINDOW }, digests };
  const window = image.subarray(WINDOW, 2 * WINDOW);
  const asked: number[] = [];
  const read: ReadRange = async function* (_, length) {
    asked.push(length / WINDOW);
    for (let i = 0; i < length / WINDOW; i++) yield window;
  };
  expect(await gather(verifiedWindows(long, read, 0, 20, never, new Memory(WINDOW)))).toHaveLength(20);
  expect(asked).toEqual([8, 8, 4]);
});

test("nothing is read beyond what is asked for and two windows", async () => {
  const { read, asked } = reader(image);
  const windows = verifiedWindows(manifest, read, 0, count, never, new Memory(WINDOW));
  expect(asked).toEqual([]);
  await windows.next();
  await new Promise((later) => setTimeout(later, 50));
  expect(asked).toEqual([[0, 2]]);
  await windows.return(undefined);
});

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
