import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { layOut, SEVERAL, STICKS } from "../../src/testing/sticks.ts";

const SCRIPT = join(import.meta.dirname, "rootfs/usr/lib/fedac/check-piece");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "check-piece-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

// base/qemu/boot.test.ts does the same with the image's own busybox.
test.each([...STICKS, ...SEVERAL])("$title: $expected", (stick) => {
  const [mounted, problem] = [join(folder, "mounted"), join(folder, "problem")];
  mkdirSync(mounted);
  layOut(stick, mounted, problem);
  const { stdout, stderr, status } = spawnSync("dash", [SCRIPT, mounted, problem], { encoding: "utf8" });
  expect({ line: stdout.replace(/^(NOPIECE \S+) .*/gm, "$1"), stderr, status }).toEqual({
    line: `${stick.expected}\n`,
    stderr: "",
    status: stick.expected.startsWith("PIECE") ? 0 : 1,
  });
});
