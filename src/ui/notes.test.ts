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
  return { piece: { name: piece, size: 1, sha256: "" }, base };
}

test("nothing is known at first", () => {
  expect([notes.seen, notes.recent, notes.keep]).toEqual([{}, [], false]);
});

test("the newest version is remembered, for each flavor and architecture", () => {
  notes.recordReady(ready("notepat", "2026.1.10"));
  notes.recordReady(ready("notepat", "2026.1.9"));
  notes.recordReady(ready("notepat", "2025.1.1", "tiny"));
  expect(notes.seen).toEqual({ "kiosk x86_64": "2026.1.10", "tiny x86_64": "2025.1.1" });
});

test("the last eight pieces are remembered, each once, the last one first", () => {
  for (const piece of ["a", "b", "c", "d", "e", "f", "g", "h", "i", "b"]) notes.recordReady(ready(piece));
  expect(notes.recent).toEqual(["b", "i", "h", "g", "f", "e", "d", "c"]);
});

test("what is kept does not touch the rest", () => {
  notes.recordReady(ready("notepat"));
  notes.keep = true;
  expect([notes.recent, notes.keep]).toEqual([["notepat"], true]);
});

test.each(["not JSON", "null", '{"seen":{"kiosk":1},"recent":[],"keep":true}', '{"keep":true}'])(
  "%s in storage is not ours",
  (text) => {
    storage.items.set("os:notes", text);
    expect([notes.seen, notes.recent, notes.keep]).toEqual([{}, [], false]);
    notes.keep = true;
    expect(notes.keep).toBe(true);
  },
);

test("without storage nothing is remembered, and nothing fails", () => {
  const refuse = () => {
    throw new DOMException("no", "SecurityError");
  };
  vi.stubGlobal("localStorage", { getItem: refuse, setItem: refuse });
  notes.recordReady(ready("notepat"));
  notes.keep = true;
  expect([notes.seen, notes.recent, notes.keep]).toEqual([{}, [], false]);
});
