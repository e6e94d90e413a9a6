import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { layOut, STICKS } from "../../src/testing/sticks.ts";
import { PROBLEMS } from "../kiosk/session/problem.ts";

const SCRIPT = join(import.meta.dirname, "rootfs/usr/lib/fedac/check-piece");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "check-piece-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

// base/qemu/boot.test.ts does the same with the image's own busybox.
test.each(STICKS)("$title: $expected", (stick) => {
  const [mounted, problem] = [join(folder, "mounted"), join(folder, "problem")];
  mkdirSync(mounted);
  layOut(stick, mounted, problem);
  const { stdout, stderr, status } = spawnSync("dash", [SCRIPT, mounted, problem], { encoding: "utf8" });
  expect({ line: stdout.replace(/^(NOPIECE \S+) .*/, "$1"), stderr, status }).toEqual({
    line: `${stick.expected}\n`,
    stderr: "",
    status: stick.expected.startsWith("PIECE ") ? 0 : 1,
  });
});

test.each(["tiny/rootfs/usr/lib/fedac/check-piece", "boot/initramfs/init"])(
  "%s tells of problems by the codes and in the words of the kiosk",
  (script) => {
    const text = readFileSync(join(import.meta.dirname, "..", script), "utf8");
    const told = [...text.matchAll(/\b(?:no|problem) ([a-z0-9-]+) "(\w[^"]*)"/g)].map(([, code, words]) => [
      code,
      words,
    ]);
    expect(told.length).toBeGreaterThan(1);
    for (const [code, words] of told) expect([code, words]).toEqual([code, PROBLEMS[code as "unreadable"]]);
  },
);
