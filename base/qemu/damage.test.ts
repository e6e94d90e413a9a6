import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootImage } from "./boot.ts";
import { letIn } from "./intruder.ts";
import { withMachine } from "./machine.ts";
import { pageLetters, readPicture } from "./picture.ts";
import { BUILD_MS, buildTiny } from "./tiny.ts";
import { loseBits, vary } from "./variants.ts";

// A stick whose root has lost bits: dm-verity makes errors of them, and base/boot/damage a page.

const BOOT_SECONDS = 400;
const BOOT_MS = 420_000;
const DAMAGED = "NOPIECE damaged the system has lost data";

const folder = fs.mkdtempSync(join(tmpdir(), "damage-"));
let image: string;

beforeAll(() => {
  ({ image } = buildTiny());
}, BUILD_MS);
afterAll(() => fs.rmSync(folder, { recursive: true }));

test("a program that the start needs has lost bits: a page, not a panic", { timeout: BOOT_MS }, async () => {
  const { image: lost, expected } = await vary(image, "lost", folder);
  const screenshot = join(folder, "lost.png");
  const until = /^(?:(?:NO)?PIECE .*|.*Kernel panic.*)$/m;
  const { line } = await bootImage({ image: lost, until, timeoutSeconds: BOOT_SECONDS, screenshot });
  expect(line).toBe(DAMAGED);
  expect(line.startsWith(expected)).toBe(true);
  expect(pageLetters(await readPicture(screenshot))).toBeGreaterThan(0.02); // a page full of them
});

test(
  "what is on the screen stays there until it ends, and then comes a page, which can be switched off",
  { timeout: BOOT_MS },
  async () => {
    const copy = join(folder, "reader.img");
    fs.copyFileSync(image, copy);
    await letIn(copy, "reader");
    await withMachine({ image: copy, writes: true }, async (machine) => {
      await machine.line(/^READER begins/m, BOOT_SECONDS);
      await machine.line(/^NOPIECE no-filesystem /m, BOOT_SECONDS);
      expect(machine.serial).not.toContain("DAMAGED");
      await loseBits(copy, "/usr/bin/busybox", 4); // while the machine runs from it
      await machine.line(new RegExp(`^${DAMAGED}`, "m"), BOOT_SECONDS);
      expect(machine.serial).toMatch(
        /DAMAGED device-mapper: verity: \S+ data block \d+ is corrupted\s[^]*READER goes on[^]*NOPIECE damaged/,
      );
      const screenshot = join(folder, "page.png");
      await machine.screenshot(screenshot);
      expect(pageLetters(await readPicture(screenshot))).toBeGreaterThan(0.02);
      await machine.powerButton();
      expect(await machine.ended).toBe("QEMU ended with exit code 0");
    });
  },
);
