import fc from "fast-check";
import { expect, test } from "vitest";
import { WindowQueue, WINDOWS_PER_SPAN, type Span } from "./queue.ts";

const range = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i);

function spansOf(queue: WindowQueue): [number, number][] {
  const spans: [number, number][] = [];
  for (let span: Span | undefined; (span = queue.takeSpan());) spans.push([span.first, span.end]);
  return spans;
}

test.each<[string, number[], [number, number][]]>([
  ["none", [], []],
  ["one", [3], [[3, 4]]],
  ["as many as fit", range(0, 4), [[0, 4]]],
  [
    "one more",
    range(0, 5),
    [
      [0, 4],
      [4, 5],
    ],
  ],
  [
    "a gap ends a span",
    [0, 1, 3, 4, 5, 6, 7],
    [
      [0, 2],
      [3, 7],
      [7, 8],
    ],
  ],
  [
    "not in order",
    [5, 2, 4, 1],
    [
      [1, 3],
      [4, 6],
    ],
  ],
])("spans of windows: %s", (_, windows, spans) => {
  expect(spansOf(new WindowQueue(windows, 12))).toEqual(spans);
});

test.each<[string, number[], [number, number][]]>([
  ["none", [], []],
  ["from the first to the last, whatever lies between", [3, 4, 9, 40], [[3, 41]]],
])("in one stream: %s", (_, windows, spans) => {
  const queue = new WindowQueue(windows, 12);
  queue.restart(true);
  expect(queue.oneStream).toBe(true);
  expect(spansOf(queue)).toEqual(spans);
});

test("what has arrived is not fetched again, by whichever generation", () => {
  const queue = new WindowQueue(range(0, 6), 12);
  expect(queue.takeSpan()).toEqual({ first: 0, end: 4 });
  expect(queue.arrive(1)).toBe(true);
  queue.restart(false); // 0, 2 and 3 were in flight
  expect(queue.first).toBe(0);
  expect(spansOf(queue)).toEqual([
    [0, 1],
    [2, 6],
  ]);
});

test("a window is taken once: not what came twice, nor what nobody asked for", () => {
  const queue = new WindowQueue([4, 5], 12);
  expect([3, 4, 4, 6].map((index) => queue.arrive(index))).toEqual([false, true, false, false]);
  expect(queue.first).toBe(5);
  queue.addUrgent(4); // it was wrong
  expect(queue.first).toBe(4);
  expect([queue.arrive(4), queue.arrive(5), queue.first]).toEqual([true, true, undefined]);
});

test("urgent windows go first, in order, each to one connection", () => {
  const queue = new WindowQueue(range(0, 8), 12);
  queue.takeSpan();
  for (const index of [2, 0, 20]) queue.addUrgent(index); // two came wrong, one was to come from a seed
  expect(queue.has(20)).toBe(true);
  expect([queue.takeUrgent(), queue.takeUrgent()]).toEqual([0, 2]);
  expect(spansOf(queue)).toEqual([
    [4, 8],
    [20, 21],
  ]);
  expect(queue.takeUrgent()).toBeUndefined();
  queue.restart(true);
  expect(queue.takeUrgent()).toBeUndefined(); // one stream brings them all
  queue.restart(false);
  queue.arrive(0);
  expect([queue.takeUrgent(), queue.takeUrgent()]).toEqual([2, 20]);
});

test("only windows near the reader are within reach", () => {
  const queue = new WindowQueue(range(0, 40), 12);
  const reach = () => range(0, 40).filter((index) => queue.isWithinReach(index)).length;
  expect(reach()).toBe(12);
  queue.moveReader(5);
  expect(reach()).toBe(17);
});

test.each<[number[], number]>([
  [[10, 30, 100], 100],
  [[10, 10, 10], 10],
  [[60, 5, 60, 61], 61],
])("bytes that have come before are not new: filled to %j", (filled, sum) => {
  const queue = new WindowQueue([7], 12);
  expect(filled.reduce((total, each) => total + queue.newBytes(7, each), 0)).toBe(sum);
  expect(queue.newBytes(8, 1)).toBe(1);
});

test("whatever happens, each window in flight is in one span, and none is left behind", () => {
  const step = fc.tuple(
    fc.constantFrom("span", "urgent", "arrive", "wrong", "spans from now on", "one stream from now on"),
    fc.nat(),
  );
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(30)), fc.array(step, { maxLength: 60 }), (windows, steps) => {
      const queue = new WindowQueue(windows, 12);
      const missing = new Set(windows);
      const inFlight = new Set<number>();
      const take = ({ first, end }: Span = { first: 0, end: 0 }) => {
        expect(queue.oneStream || end - first <= WINDOWS_PER_SPAN).toBe(true);
        for (const index of range(first, end).filter((each) => missing.has(each))) {
          expect(inFlight.has(index)).toBe(false);
          inFlight.add(index);
        }
      };
      const restart = (oneStream: boolean) => {
        queue.restart(oneStream);
        inFlight.clear();
      };
      for (const [what, number] of steps) {
        const from = what === "wrong" ? windows.filter((index) => !missing.has(index)) : [...inFlight];
        const index = from[number % from.length];
        if (what === "span") take(queue.takeSpan());
        else if (what === "urgent") {
          const urgent = queue.takeUrgent();
          if (urgent !== undefined) take({ first: urgent, end: urgent + 1 });
        } else if (what === "spans from now on") restart(false);
        else if (what === "one stream from now on") restart(true);
        else if (index !== undefined && what === "arrive") {
          expect(queue.arrive(index)).toBe(true);
          missing.delete(index);
          inFlight.delete(index);
        } else if (index !== undefined) {
          queue.addUrgent(index);
          missing.add(index);
          if (queue.oneStream) restart(true); // the stream has passed this window
        }
        expect(queue.first).toBe(missing.size > 0 ? Math.min(...missing) : undefined);
      }
      for (let span: Span | undefined; (span = queue.takeSpan());) take(span);
      expect(inFlight).toEqual(missing);
    }),
  );
});
