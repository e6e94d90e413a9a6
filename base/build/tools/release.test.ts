import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { parseLatest } from "../../../src/release/latest.ts";
import { dirOf, nameOf } from "../../../src/release/list.ts";
import type { Manifest } from "../../../src/release/manifest.ts";
import { testBase } from "../../../src/testing/test-base.ts";
import { run } from "../../../src/testing/tools.ts";
import { listWith, point } from "./release.ts";

const { manifest } = await testBase();
const cdn = mkdtempSync(join(tmpdir(), "release-"));
afterAll(() => rmSync(cdn, { recursive: true }));
beforeEach(() => {
  for (const entry of readdirSync(cdn)) rmSync(join(cdn, entry), { recursive: true });
});

/** A directory with the manifest of version 1.1.DAY, as base/build/steps/release.sh leaves it. */
function build(day: number, flavor = "tiny"): string {
  const made: Manifest = { ...manifest, flavor, version: `1.1.${day}` };
  mkdirSync(join(cdn, nameOf(made)));
  writeFileSync(join(cdn, nameOf(made), "manifest.json"), JSON.stringify(made));
  return nameOf(made);
}

/** What base/build/steps/latest.sh does. */
async function offer(name?: string): Promise<string> {
  const list = await listWith(cdn, name);
  await point(cdn, list, "signature");
  return list;
}

test("the last three builds of a flavor stay, and nothing else of ours does", async () => {
  mkdirSync(join(cdn, ".new-tiny-1.1.9-0123456789ab"));
  const names: string[] = [];
  for (const [day, flavor] of [[1], [2], [3, "kiosk"], [4], [5]] as [number, string?][]) {
    names.push(build(day, flavor));
    await offer(names.at(-1));
  }
  const { releases } = parseLatest(JSON.parse(readFileSync(join(cdn, "latest.json"), "utf8")));
  expect(releases.map(dirOf)).toEqual([names[4], names[3], names[2], names[1]]);
  const left = [".new-tiny-1.1.9-0123456789ab", "latest.json", ...names.slice(1)];
  expect(readdirSync(cdn).toSorted()).toEqual(left.toSorted());
});

test("a directory that is not named after its release is refused", async () => {
  const name = build(1);
  writeFileSync(
    join(cdn, name, "manifest.json"),
    JSON.stringify({ ...manifest, flavor: "tiny", version: "1.1.2" }),
  );
  await expect(offer(name)).rejects.toThrow(`${name} holds the release tiny-1.1.2-`);
  expect(readdirSync(cdn)).toEqual([name]);
});

test("a list stays as it is when nothing is new, so that it need not be signed again", async () => {
  const list = await offer(build(1));
  expect(await offer()).toBe(list);
  expect(await offer(build(2))).not.toBe(list);
});

test("a list that cannot be read is begun anew", async () => {
  writeFileSync(join(cdn, "latest.json"), '{"format": 1, "releases": []}');
  await offer(build(1));
  expect(parseLatest(JSON.parse(readFileSync(join(cdn, "latest.json"), "utf8"))).releases).toHaveLength(1);
});

test("prints a release's name", () => {
  const name = build(1);
  const script = join(import.meta.dirname, "release.ts");
  expect(run("npx", "tsx", script, "name", join(cdn, name, "manifest.json"))).toBe(`${name}\n`);
});
