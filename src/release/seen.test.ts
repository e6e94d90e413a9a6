import { expect, test } from "vitest";
import { testKey } from "../testing/sign.ts";
import { MAX_SEEN, newestSeen, parseSeen, withSeen } from "./seen.ts";

const [one, two] = [testKey(), testKey(2)];
const sighting = { flavor: "kiosk", arch: "x86_64", version: "2026.1.9", keyId: one.id };
const channel = `kiosk x86_64 ${one.id}`;

test("the newest of each flavor, architecture and key is remembered", () => {
  let seen = withSeen({}, sighting);
  seen = withSeen(seen, { ...sighting, version: "2026.1.10" });
  seen = withSeen(seen, { ...sighting, version: "2026.1.9" });
  for (const other of [{ flavor: "tiny" }, { arch: "aarch64" }, { keyId: two.id }])
    seen = withSeen(seen, { ...sighting, ...other, version: "1" });
  expect(seen[channel]).toBe("2026.1.10");
  expect(Object.keys(seen)).toHaveLength(4);
  expect(parseSeen(JSON.parse(JSON.stringify(seen)))).toEqual(seen);
});

test("no more than so many are remembered, the latest ones", () => {
  let seen = {};
  for (let i = 0; i <= MAX_SEEN; i++) seen = withSeen(seen, { ...sighting, flavor: `f${i}` });
  expect(Object.keys(seen)).toHaveLength(MAX_SEEN);
  expect(Object.keys(seen)[0]).toMatch(/^f1 /);
  expect(parseSeen(seen)).toEqual(seen);
  expect(parseSeen({ ...seen, [`more x86_64 ${one.id}`]: "1" })).toBeUndefined();
});

test("only what keys have signed that are pinned counts", () => {
  const seen = { [channel]: "2026.1.10", [`kiosk x86_64 ${two.id}`]: "9999" };
  expect(newestSeen(seen, sighting, [one.id])).toBe("2026.1.10");
  expect(newestSeen(seen, sighting, [one.id, two.id])).toBe("9999");
  expect(newestSeen(seen, sighting, [testKey(3).id])).toBeUndefined();
});

test.each([
  [null],
  [[]],
  ["text"],
  [{ [channel]: 1 }],
  [{ [channel]: "024" }],
  [{ "kiosk x86_64": "1" }],
  [{ [`kiosk ${channel}`]: "1" }],
  [{ [`${"k".repeat(65)} x86_64 ${one.id}`]: "1" }],
])("%j is not ours", (json) => {
  expect(parseSeen(json)).toBeUndefined();
});
