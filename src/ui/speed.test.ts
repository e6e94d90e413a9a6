import { expect, test } from "vitest";
import { Speed } from "./speed.ts";

/** The last speed after counts at times, in milliseconds. */
function speedOf(...samples: [time: number, count: number][]): number {
  let time = 0;
  const speed = new Speed(() => time);
  let last = NaN;
  for (const [at, count] of samples) {
    time = at;
    last = speed.update(count);
  }
  return last;
}

test.each<[string, number, ...[number, number][]]>([
  ["nothing is known of one count", 0, [0, 100]],
  ["nor of two at the same time", 0, [7, 100], [7, 200]],
  ["two counts", 1000, [0, 0], [100, 100]],
  ["the average while it is young", 50, [0, 0], [1000, 100], [4000, 200]],
  ["only the last five seconds", 1, [0, 0], [1000, 9000], [6000, 9005]],
  ["a stall shows", 0, [0, 0], [100, 500], [5100, 500]],
])("%s: %d per second", (_, expected, ...samples) => {
  expect(speedOf(...samples)).toBe(expected);
});

test("is steady for a steady count, however long", () => {
  const samples = Array.from({ length: 1000 }, (_, i): [number, number] => [i * 100, i * 4096]);
  expect(speedOf(...samples)).toBe(40_960);
});
