import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";
import { compareVersions, VERSION } from "./version.ts";

const lib = path.resolve(import.meta.dirname, "../../base/build/lib.sh");

test("versions compare by their numbers", () => {
  const sorted = ["0", "2025.12.9", "2026.1.1", "2026.1.9", "2026.1.10", "2026.1.10.0", "2026.1.10.1"];
  expect(sorted.toReversed().toSorted(compareVersions)).toEqual(sorted);
  expect(compareVersions("2026.1.10", "2026.1.10")).toBe(0);
});

test.each<[string, boolean]>([
  ["2026.11.24", true],
  ["2026.11.24.57", true],
  ["0", true],
  ["0.10", true],
  ["999999999", true],
  ["1.2.3.4.5.6.7.8", true],
  ["024", false],
  ["2026.01.5", false],
  ["00", false],
  ["1000000000", false],
  ["1.2.3.4.5.6.7.8.9", false],
  ["2026.", false],
  [".1", false],
  ["1..2", false],
  ["1-rc", false],
  ["٢", false],
  ["1\n", false],
])("%j is a version: %s, here and where images are built", (text, is) => {
  expect(VERSION.test(text)).toBe(is);
  const { status } = spawnSync("bash", ["-c", '. "$0"', lib], { env: { ...process.env, OS_VERSION: text } });
  expect(status === 0).toBe(is);
});
