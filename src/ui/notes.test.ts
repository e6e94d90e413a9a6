import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { notes } from "./notes.ts";

/** What of `localStorage` is used. */
class FakeStorage {
  readonly items = new Map<string, string>();
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
}
let storage: FakeStorage;

beforeEach(() => {
  storage = new FakeStorage();
  vi.stubGlobal("localStorage", storage);
});
afterEach(() => vi.unstubAllGlobals());

function ready(piece: string, version = "2026.1.1", flavor = "kiosk") {
  const base = { name: "fedac-os", version, flavor, arch: "x86_64", created: "2026-01-01T00:00:00Z" };
  const [first, ...others] = piece
    .split("~")
    .map((name) => ({ name, size: name.length, sha256: "", allow: [] }));
  const room = { left: 5, of: 20 };
  return { pieces: [first!, ...others] as const, base, release: { keyId: "0123456789ABCDEF" }, room };
}

test("nothing is known at first", () => {
  expect([notes.seen, notes.recent, notes.keep]).toEqual([{}, [], false]);
});

test("the newest version is remembered, for each flavor and architecture", () => {
  notes.recordReady(ready("notepat", "2026.1.10"));
  notes.recordReady(ready("notepat", "2026.1.9"));
  notes.recordReady(ready("notepat", "2025.1.1", "tiny"));
  expect(notes.seen).toEqual({
    "kiosk x86_64 0123456789ABCDEF": "2026.1.10",
    "tiny x86_64 0123456789ABCDEF": "2025.1.1",
  });
});

test("the last eight pieces are remembered, each once, the last one first", () => {
  for (const piece of ["a", "b", "c", "d", "e", "f", "g", "h", "i", "b"]) notes.recordReady(ready(piece));
  expect(notes.recent).toEqual(["b", "i", "h", "g", "f", "e", "d", "c"]);
});

test("what was built together is remembered as one, with the size of each, and what room there is", () => {
  expect([notes.sizes, notes.room]).toEqual([{}, 0]);
  notes.recordReady(ready("line"));
  notes.recordReady(ready("notepat~line~@jeffrey/frog"));
  expect(notes.recent).toEqual(["notepat~line~@jeffrey/frog", "line"]);
  expect(notes.sizes).toEqual({ line: 4, notepat: 7, "@jeffrey/frog": 13 });
  expect(notes.room).toBe(20);
  for (const piece of ["a", "b", "c", "d", "e", "f", "g", "line"]) notes.recordReady(ready(piece));
  expect(Object.keys(notes.sizes).toSorted()).toEqual(["a", "b", "c", "d", "e", "f", "g", "line"]);
});

test("the longest notes of ours can be read again", () => {
  const long = (n: number, i: number) => `${n}-${i}-${"x".repeat(92)}`;
  for (let n = 0; n < 8; n++) {
    notes.recordReady(ready(Array.from({ length: 32 }, (_, i) => long(n, i)).join("~"), "2026.1.1"));
  }
  expect(notes.recent).toHaveLength(8);
  expect(Object.keys(notes.sizes)).toHaveLength(8 * 32);
});

test("what is kept does not touch the rest", () => {
  notes.recordReady(ready("notepat"));
  notes.keep = true;
  expect([notes.recent, notes.keep]).toEqual([["notepat"], true]);
});

test("images are signed until the person does not want it", () => {
  expect(notes.sign).toBe(true);
  notes.sign = false;
  notes.keep = true;
  expect(notes.sign).toBe(false);
  plant({ sign: "no" });
  expect(notes.sign).toBe(true);
});

test.each(["not JSON", "null", "[]", '"x"', '{"keep":1}', `{"keep":true,"x":"${"x".repeat(64 * 1024)}"}`])(
  "%.20s in storage is not ours",
  (text) => {
    storage.items.set("os:notes", text);
    expect([notes.seen, notes.recent, notes.keep]).toEqual([{}, [], false]);
    notes.keep = true;
    expect(notes.keep).toBe(true);
  },
);

/** Notes that somebody else has put into storage. */
const plant = (planted: object) => storage.items.set("os:notes", JSON.stringify(planted));
const CHANNEL = "kiosk x86_64 0123456789ABCDEF";
const year = new Date().getUTCFullYear();

test("each note stands for itself: one that is malformed does not take others with it", () => {
  plant({ seen: 7, recent: ["notepat"], keep: true });
  expect([notes.seen, notes.recent, notes.keep]).toEqual([{}, ["notepat"], true]);
  plant({ seen: { [CHANNEL]: "2026.1.1", b: "1", "c d E": 7, "\u202e": "1" }, recent: "x", keep: "yes" });
  expect([notes.seen, notes.recent, notes.keep]).toEqual([{ [CHANNEL]: "2026.1.1" }, [], false]);
});

test.each([`${year + 2}.1.1`, "9999", "999999"])(
  "version %s, that cannot have been seen, does not make what comes look old",
  (version) => {
    plant({ seen: { [CHANNEL]: version }, recent: [], keep: false });
    expect(notes.seen).toEqual({});
    notes.recordReady(ready("notepat", `${year}.1.1`));
    expect(notes.seen).toEqual({ [CHANNEL]: `${year}.1.1` });
  },
);

test("what is no name of a piece was not built lately", () => {
  plant({
    seen: {},
    recent: ["notepat", "../x", "", 7, "a~a", "a~", "x".repeat(101), "<b>", "$cow~a"],
    keep: false,
  });
  expect(notes.recent).toEqual(["notepat", "$cow~a"]);
  plant({ sizes: { notepat: 3, "../x": 4, a: -1, b: "5", c: 0.5 }, room: "6" });
  expect([notes.sizes, notes.room]).toEqual([{ notepat: 3 }, 0]);
});

test("there is a limit to what is remembered", () => {
  plant({ seen: {}, recent: Array<string>(100).fill("a"), keep: false });
  expect(notes.recent).toHaveLength(8);
  for (let i = 0; i < 40; i++) notes.recordReady(ready("a", "2026.1.1", `flavor${i}`));
  expect(Object.keys(notes.seen)).toHaveLength(32);
  expect(notes.seen).toHaveProperty("flavor39 x86_64 0123456789ABCDEF");
});

test("without storage nothing is remembered, and nothing fails", () => {
  const refuse = () => {
    throw new DOMException("no", "SecurityError");
  };
  vi.stubGlobal("localStorage", { getItem: refuse, setItem: refuse });
  notes.recordReady(ready("notepat"));
  notes.keep = true;
  expect([notes.seen, notes.recent, notes.keep]).toEqual([{}, [], false]);
});
