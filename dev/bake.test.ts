import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bake } from "./bake.ts";

// With scripts in the place of base/build/build.sh, which say what it says.

let folder = "";
beforeEach(async () => void (folder = await mkdtemp(path.join(tmpdir(), "bake-"))));
afterEach(() => rm(folder, { recursive: true }));

async function bakeWith(commands: string) {
  const build = path.join(folder, "build.sh");
  await writeFile(build, `set -e\ncd "${folder}"\n${commands}\n`);
  const steps: string[] = [];
  const { done, stop } = await bake("kiosk", {
    build,
    folder,
    onStep: (...step) => steps.push(step.join(" ")),
  });
  return { done, stop, steps };
}

const log = () => readFile(path.join(folder, "kiosk.log"), "utf8");

test("says each step, and keeps the rest in a log", async () => {
  const { done, steps } = await bakeWith(
    `step() { printf '%4d s  %s\\n' 7 "$1"; }
step packages.sh; echo "reading $1"; echo oh >&2
step live.sh # both begin their lines: that is how they are counted
echo " 140 s  /out/kiosk-1"`,
  );
  expect(await done).toEqual({ kind: "built" });
  expect(steps).toEqual(["packages 1 2", "live 2 2"]);
  expect((await log()).split("\n").toSorted()).toContain("reading kiosk");
  expect(await log()).toContain("oh\n");
});

test("a failure ends in the last thing that was said", async () => {
  const { done } = await bakeWith(`echo "   0 s  packages.sh"; echo "packages.sh: no network" >&2; exit 1`);
  const file = path.join(folder, "kiosk.log");
  expect(await done).toEqual({ kind: "failed", why: "packages.sh: no network", log: file });
});

test("a log that cannot be written is no end of a build", async () => {
  await mkdir(path.join(folder, "kiosk.log"));
  const { done } = await bakeWith(`echo "   0 s  packages.sh"`);
  expect(await done).toEqual({ kind: "built" });
});

test("stopping takes along what the script has started", async () => {
  const { done, stop } = await bakeWith(`sleep 600 & echo $! > child; echo "   0 s  live.sh"; wait`);
  await expect.poll(log).toContain("live.sh");
  const child = Number(await readFile(path.join(folder, "child"), "utf8"));
  expect(alive(child)).toBe(true);
  stop();
  expect(await done).toEqual({ kind: "stopped" });
  await expect.poll(() => alive(child)).toBe(false);
  stop(); // there is nothing left, and nobody else is meant
});

/** Whether a process runs; a zombie, which nobody has asked about yet, does not. */
function alive(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return /^[^Z]/.test(stdout.trim());
}
