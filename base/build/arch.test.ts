import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../src/testing/tools.ts";

// What differs between architectures is data: names in arch/ARCH/names.sh, and lists.

const folder = join(import.meta.dirname, "arch");
const architectures = readdirSync(folder);
const names = (arch: string) => readFileSync(join(folder, arch, "names.sh"), "utf8");

test("every architecture says the same names", () => {
  const said = architectures.map((arch) => [...names(arch).matchAll(/^[A-Z]+(?==)/gm)].map(([name]) => name));
  expect(said[0]!.length).toBeGreaterThan(3);
  for (const others of said) expect(others).toEqual(said[0]);
});

test("no step asks which architecture it is for", () => {
  const steps = join(import.meta.dirname, "steps");
  const asking = readdirSync(steps).filter((step) =>
    /x86|aarch64|amd64|arm64|\[.*\$ARCH\b.*=/.test(
      readFileSync(join(steps, step), "utf8").replace(/#.*/g, ""),
    ),
  );
  expect(asking).toEqual([]);
});

test("steps that an architecture does without are steps", () => {
  for (const arch of architectures) {
    const without = /^WITHOUT="(.*)"/m.exec(names(arch))![1]!.split(" ").filter(Boolean);
    for (const step of without) expect(existsSync(join(import.meta.dirname, "steps", step)), step).toBe(true);
  }
});

test("a list of packages is the common one and the architecture's own", () => {
  const list = (arch: string) =>
    run(
      "env",
      `OS_ARCH=${arch}`,
      "bash",
      "-c",
      '. "$0" tiny; packages boot',
      join(import.meta.dirname, "lib.sh"),
    );
  expect(list("x86_64")).toMatch(/^shim-signed$[^]*^linux-image-amd64/m);
  expect(list("aarch64")).toMatch(/^shim-signed$[^]*^linux-image-arm64$/m);
  expect(list("aarch64")).not.toMatch(/amd64|grub-pc/);
  expect(() => list("m68k")).toThrow('no architecture "m68k", but aarch64 x86_64');
});
