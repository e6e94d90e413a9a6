import { expect, test } from "vitest";
import { type Device, EVENT_BYTES, eventsIn, HOLD_MS, HoldDetector, kindOf, rangesIn } from "./hold.ts";

const [KEY, ABS, SYN] = [1, 3, 0];
const [A, F1, META, START, SELECT, TOUCH] = [30, 59, 125, 0x13b, 0x13a, 0x14a];
const touch: Device = { kind: "touch", x: { min: 0, max: 4095 }, y: { min: -100, max: 100 } };

/** Feed steps of [milliseconds, type, code, value], and collect what has been held, looking every 100 ms. */
function held(
  device: Device,
  steps: readonly (readonly [number, number, number, number])[],
  until: number,
): string[] {
  const detector = new HoldDetector(device);
  const found: string[] = [];
  for (let now = 0; now <= until; now += 100) {
    for (const [at, type, code, value] of steps) if (at === now) detector.take({ type, code, value }, now);
    const hold = detector.due(now);
    if (hold !== undefined) found.push(`${hold} at ${now}`);
  }
  return found;
}

test.each([F1, META])("key %i that is held is told once, whatever the keyboard repeats", (key) => {
  const repeats = Array.from({ length: 50 }, (_, i) => [500 + 100 * i, KEY, key, 2] as const);
  expect(held({ kind: "keyboard" }, [[0, KEY, key, 1], ...repeats], 6000)).toEqual([`key at ${HOLD_MS}`]);
});

test.each<[string, [number, number, number, number][]]>([
  ["let go a moment before", [[0, KEY, F1, 1], [1900, KEY, F1, 0]]], // prettier-ignore
  ["pressed with another key", [[0, KEY, A, 1], [100, KEY, F1, 1]]], // prettier-ignore
  ["joined by another key that stays", [[0, KEY, F1, 1], [100, KEY, A, 1]]], // prettier-ignore
  ["not of ours", [[0, KEY, A, 1]]],
  ["lost count of", [[0, KEY, F1, 1], [100, SYN, 3, 0]]], // prettier-ignore
])("a key that is %s does not count", (_, steps) => {
  expect(held({ kind: "keyboard" }, steps, 6000)).toEqual([]);
});

test("held again it counts again, from then", () => {
  const steps = [[0, KEY, F1, 1], [3000, KEY, F1, 0], [3500, KEY, F1, 1]] as const; // prettier-ignore
  expect(held({ kind: "keyboard" }, steps, 6000)).toEqual(["key at 2000", "key at 5500"]);
});

test("of a gamepad it takes both, with whatever else is down", () => {
  const pad = { kind: "pad" } as const;
  expect(held(pad, [[0, KEY, START, 1], [100, KEY, 0x130, 1]], 6000)).toEqual([]); // prettier-ignore
  expect(held(pad, [[0, KEY, START, 1], [300, KEY, SELECT, 1], [400, ABS, 0, 7]], 6000)).toEqual(["pad at 2300"]); // prettier-ignore
  expect(held(pad, [[0, KEY, 0x128, 1], [0, KEY, 0x129, 1]], 6000)).toEqual(["pad at 2000"]); // prettier-ignore
});

/** A finger put down there. */
const finger = (at: number, x: number, y: number) =>
  [[at, ABS, 0, x], [at, ABS, 1, y], [at, KEY, TOUCH, 1]] as const; // prettier-ignore

test.each([
  [0, 0, -100, "corner 0"],
  [1, 4095, -100, "corner 1"],
  [2, 3686, 80, "corner 2"],
  [3, 409, 100, "corner 3"],
])("corner %i, at %i, %i", (_, x, y, hold) => {
  expect(held(touch, finger(0, x, y), 3000)).toEqual([`${hold} at 2000`]);
});

test("a finger anywhere else, or that has only been near, is the piece's", () => {
  expect(held(touch, finger(0, 2000, -100), 6000)).toEqual([]);
  expect(held(touch, finger(0, 3600, -100), 6000)).toEqual([]);
  expect(held(touch, [...finger(0, 4095, -100), [1900, ABS, 0, 2000]], 6000)).toEqual([]);
  expect(held(touch, [...finger(0, 4095, -100), [1900, KEY, TOUCH, 0]], 6000)).toEqual([]);
  expect(held(touch, [[0, KEY, TOUCH, 1]], 6000)).toEqual([]); // nobody knows where
});

test("from corner to corner the time begins anew", () => {
  expect(held(touch, [...finger(0, 4095, -100), [1500, ABS, 1, 100]], 6000)).toEqual(["corner 2 at 3500"]);
});

test("events are read as the kernel writes them", () => {
  const bytes = new Uint8Array(EVENT_BYTES * 2 + 5);
  const view = new DataView(bytes.buffer);
  view.setUint16(16, KEY, true);
  view.setUint16(18, F1, true);
  view.setInt32(20, 1, true);
  view.setUint16(EVENT_BYTES + 16, ABS, true);
  view.setInt32(EVENT_BYTES + 20, -5, true);
  expect([...eventsIn(bytes)]).toEqual([
    { type: KEY, code: F1, value: 1 },
    { type: ABS, code: 0, value: -5 },
  ]);
});

// As /sys says of devices
test.each([
  ["a keyboard", "0", "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe", "0", "keyboard"],
  ["a mouse", "0", "1f0000 0 0 0 0", "0", undefined],
  ["a power button", "0", "10000000000000 0", "0", undefined],
  ["a touch screen", "2", "400 0 0 0 0 0", "260800000000003", "touch"],
  ["a touchpad", "5", "e520 10000 0 0 0 0", "660800011000003", undefined],
  ["an Xbox gamepad", "0", "7cdb000000000000 0 0 0 0", "3003f", "pad"],
  ["a plain HID gamepad", "0", "3ff00000000 0 0 0 0", "30027", "pad"],
  ["nonsense", "x", "", "zz -1", undefined],
])("%s", (_, properties, key, abs, kind) => {
  expect(kindOf({ properties, key, abs })).toBe(kind);
});

const EVTEST = `Input driver version is 1.0.1
Input device name: "ELAN Touchscreen"
Supported events:
  Event type 0 (EV_SYN)
  Event type 1 (EV_KEY)
    Event code 330 (BTN_TOUCH) state 0
  Event type 3 (EV_ABS)
    Event code 0 (ABS_X)
      Value   1200
      Min        0
      Max     3392
      Resolution      13
    Event code 1 (ABS_Y)
      Value      0
      Min      -10
      Max     1920
`;

test("the ranges are those that evtest says, once it has", () => {
  expect(rangesIn(EVTEST)).toEqual({ x: { min: 0, max: 3392 }, y: { min: -10, max: 1920 } });
  expect(rangesIn(EVTEST.slice(0, -12))).toBeUndefined();
  expect(rangesIn(EVTEST.replace("1920", "-10"))).toBeUndefined();
});
