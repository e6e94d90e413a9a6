import { expect, test } from "vitest";
import {
  commentOnList,
  formatLatest,
  formatList,
  isLatest,
  type Latest,
  parseLatest,
  parseList,
} from "./latest.ts";
import { run } from "../testing/tools.ts";
import { signLatest, testKey } from "../testing/sign.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const created = "2026-11-20T00:00:00.000Z";
const entry = { version: "2026.11.20", flavor: "tiny", arch: "x86_64", created, manifest: "a/manifest.json" };
const latest: Latest = {
  format: 1,
  until: "2026-12-20T00:00:00.000Z",
  releases: [entry],
  retired: [{ ...entry, version: "2026.11.19", since: created }],
};

test("nothing is lost on the way through the file", () => {
  const json: unknown = JSON.parse(formatLatest(formatList(latest), "signature"));
  expect(isLatest(json)).toBe(true);
  expect(isLatest(latest)).toBe(false);
  expect(parseLatest(json)).toEqual(latest);
});

test.each<[string, object, RegExp]>([
  ["another format", { ...latest, format: 9 }, /format 9/],
  ["no time", { ...latest, until: undefined }, /malformed at until/],
  ["a time of nonsense", { ...latest, until: "soon" }, /malformed at until/],
  [
    "a version with another spelling",
    { ...latest, releases: [{ ...entry, version: "024" }] },
    /at releases\.0\.version/,
  ],
  ["a release of nothing", { ...latest, releases: [{}] }, /malformed at releases\.0/],
])("a list with %s is refused", (_, list, message) => {
  expect(() => parseList(JSON.stringify(list))).toThrow(message);
});

test("what is not JSON is refused in a sentence", () => {
  expect(() => parseList("<html>")).toThrow("The list of base images is not JSON");
  expect(() => parseLatest({ format: 1, list: 1 })).toThrow(/malformed at list/);
});

test("minisign accepts the list and the signature that a latest.json holds", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "latest-"));
  try {
    const { list, signature } = JSON.parse(signLatest(latest)) as { list: string; signature: string };
    writeFileSync(path.join(folder, "list"), list);
    writeFileSync(path.join(folder, "list.minisig"), signature);
    const said = run("minisign", "-VQ", "-P", testKey().publicKey, "-m", path.join(folder, "list"));
    expect(said).toBe(`${commentOnList(latest)}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
