import { expect, test } from "vitest";
import { MAX_DIGEST_MISMATCHES, SourcePool, SUSPECT_AFTER, type SourceHealth } from "./source-pool.ts";

type Ranges = SourceHealth["ranges"];

/** What has happened, one after another, each to the source of that number. */
type Event =
  | { readonly failed: number }
  | { readonly progress: number }
  /** Window 7 came wrong from these. */
  | { readonly wrong: number[] };

function poolAfter(ranges: Ranges[], events: Event[]): { pool: SourcePool; health: SourceHealth[] } {
  const health = ranges.map((each): SourceHealth => ({ ranges: each, failures: 0 }));
  const pool = new SourcePool(health);
  for (const event of events) {
    if ("failed" in event) pool.onFailure(event.failed, 7);
    else if ("progress" in event) pool.onProgress(event.progress);
    else pool.onMismatch(7, new Set(event.wrong));
  }
  return { pool, health };
}

const times = (count: number, event: Event): Event[] => Array.from({ length: count }, () => event);
const two: Ranges[] = [undefined, true];
const three: Ranges[] = [true, true, true];

test.each<[string, Ranges[], Event[], number | undefined]>([
  ["the best is asked first", three, [], 0],
  ["it is asked on while it brings something", three, [{ progress: 0 }], 0],
  ["after a failure the next one is asked", three, [{ failed: 0 }], 1],
  ["after the last the first", three, [{ failed: 0 }, { failed: 1 }, { failed: 2 }], 0],
  ["and so on with only one", [true], times(9, { failed: 0 }), 0],
  ["a window that came wrong is asked of another", three, [{ wrong: [0] }], 1],
  ["and of whoever has sent it wrong less often", two, [{ wrong: [0] }, { wrong: [1] }, { wrong: [1] }], 0],
  ["nobody is blamed for what came from several", three, [{ wrong: [0, 1] }], 0],
  ["a suspect source is not asked", two, [...times(SUSPECT_AFTER, { failed: 1 }), { wrong: [0] }], 0],
  [
    "until it is the only one left",
    two,
    [...times(SUSPECT_AFTER, { failed: 1 }), ...times(2, { wrong: [0] })],
    1,
  ],
  [
    "progress clears a suspect",
    two,
    [...times(SUSPECT_AFTER, { failed: 1 }), { progress: 1 }, { wrong: [0] }],
    1,
  ],
  [
    "of suspects each has its turn",
    two,
    [...times(3, { failed: 0 }), ...times(3, { failed: 1 }), { failed: 0 }],
    1,
  ],
  [
    "also when one has sent the window wrong",
    two,
    [{ wrong: [1] }, ...times(3, { failed: 1 }), ...times(3, { failed: 0 })],
    1,
  ],
  ["a source without ranges is not asked for them", [false, true], times(9, { failed: 1 }), 1],
  ["where there is none, nobody is asked", [], [], undefined],
  ["where none knows ranges, neither", [false, false], [], undefined],
])("%s", (_, ranges, events, source) => {
  expect(poolAfter(ranges, events).pool.choose(7, false)).toBe(source);
});

test("a source is excluded only for the window that it sends wrong", () => {
  const { pool } = poolAfter(two, times(MAX_DIGEST_MISMATCHES, { wrong: [0] }));
  expect([pool.choose(7, false), pool.choose(8, false)]).toEqual([1, 0]);
  expect([pool.hasMismatch(7), pool.hasMismatch(8)]).toEqual([true, false]);
});

test("a window that came wrong from several is known to have come wrong", () => {
  const { pool } = poolAfter(two, [{ wrong: [0, 1] }]);
  expect([pool.hasMismatch(7), pool.mismatches(7)]).toEqual([true, 0]);
  pool.onMismatch(7, new Set([1]));
  expect([pool.hasMismatch(7), pool.mismatches(7)]).toEqual([true, 1]);
});

test.each<[string, Ranges[], Event[], boolean]>([
  ["not at first", two, [], false],
  ["not while one is left", two, times(2, { wrong: [0] }), false],
  [
    "when all have sent the window wrong",
    two,
    [...times(2, { wrong: [0] }), ...times(2, { wrong: [1] })],
    true,
  ],
  ["not by mistakes that nobody is blamed for", two, times(9, { wrong: [0, 1] }), false],
  ["not by failures, however many", two, [...times(99, { failed: 0 }), ...times(99, { failed: 1 })], false],
  ["when there is no source", [], [], true],
])("sources are exhausted: %s", (_, ranges, events, exhausted) => {
  expect(poolAfter(ranges, events).pool.isExhausted(7)).toBe(exhausted);
});

test.each<[string, Ranges[], Event[], boolean]>([
  ["not before anything is known", [undefined], [], false],
  ["when the only source knows no ranges", [false], [], true],
  ["not while another one may", [false, undefined], times(2, { failed: 1 }), false],
  ["when the other one fails all the time", [false, true], times(3, { failed: 1 }), true],
  ["when the other one sends the window wrong", [false, true], times(2, { wrong: [1] }), true],
  ["not when the one without ranges sends it wrong", [false, true], times(2, { wrong: [0] }), false],
  ["not when there is nobody to ask", [], [], false],
  ["also when one of the streams fails all the time", [false, false], times(3, { failed: 0 }), true],
  [
    "not any more when each of them does",
    [false, false],
    [...times(3, { failed: 0 }), ...times(3, { failed: 1 })],
    false,
  ],
  [
    "nor when the others send the window wrong",
    [false, false],
    [...times(2, { wrong: [1] }), ...times(3, { failed: 0 })],
    false,
  ],
])("one stream is needed: %s", (_, ranges, events, needed) => {
  expect(poolAfter(ranges, events).pool.needsOneStream(7)).toBe(needed);
});

test("one stream comes from a source that honours no ranges", () => {
  const { pool } = poolAfter([true, false, undefined, false], []);
  expect(pool.choose(7, true)).toBe(1);
  pool.onFailure(1, 7);
  expect(pool.choose(7, true)).toBe(3);
});

test("a stream that fails all the time is followed by another one's, also by one that was wrong once", () => {
  const { pool } = poolAfter([false, false], [{ wrong: [0] }, ...times(3, { failed: 1 })]);
  expect(pool.choose(7, true)).toBe(0);
});

test("when all streams fail all the time, everybody is asked for ranges again", () => {
  const { pool, health } = poolAfter(
    [false, true, false],
    [...times(3, { failed: 2 }), ...times(3, { failed: 0 })],
  );
  expect(health).toEqual([
    { ranges: undefined, failures: 0 },
    { ranges: true, failures: 0 },
    { ranges: undefined, failures: 0 },
  ]);
  expect(pool.choose(7, false)).toBe(1);
});

test("what is known of a source outlives the download", () => {
  const { health } = poolAfter(two, times(3, { failed: 0 }));
  expect(new SourcePool(health).choose(7, false)).toBe(1);
});
