import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { dirOf, nameOf } from "../../../src/release/list.ts";
import { type Manifest, parseLatest } from "../../../src/release/manifest.ts";
import { testBase } from "../../../src/testing/test-base.ts";
import { run } from "../../../src/testing/tools.ts";
import { offer } from "./release.ts";

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

test("the last three builds of a flavor stay, and nothing else of ours does", async () => {
  mkdirSync(join(cdn, ".new-tiny-1.1.9-0123456789ab"));
  const names: string[] = [];
  for (const [day, flavor] of [[1], [2], [3, "kiosk"], [4], [5]] as [number, string?][]) {
    names.push(build(day, flavor));
    await offer(cdn, names.at(-1)!);
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
  await expect(offer(cdn, name)).rejects.toThrow(`${name} holds the release tiny-1.1.2-`);
  expect(readdirSync(cdn)).toEqual([name]);
});

test("prints a release's name", () => {
  const name = build(1);
  const script = join(import.meta.dirname, "release.ts");
  expect(run("npx", "tsx", script, "name", join(cdn, name, "manifest.json"))).toBe(`${name}\n`);
});
