import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const folder = resolve(import.meta.dirname, "../.github/workflows");

test("every action is pinned to a commit, with its version beside it", () => {
  const uses = readdirSync(folder).flatMap((name) =>
    [...readFileSync(resolve(folder, name), "utf8").matchAll(/\buses: *(.*)/g)].map(([, what = ""]) => what),
  );
  expect(uses.length).toBeGreaterThan(5);
  expect(uses.filter((each) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(each))).toEqual([]);
  const commits = new Map(uses.map((each) => [each.split("@")[0], each]));
  expect(uses.filter((each) => commits.get(each.split("@")[0]) !== each)).toEqual([]); // one version of each
});
