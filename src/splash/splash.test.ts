import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { pngSize } from "./png-size.ts";
import { png } from "./png.ts";
import { menuSplash, splash } from "./splash.ts";
import { sha256Of } from "../testing/test-base.ts";

const folder = mkdtempSync(path.join(tmpdir(), "os-splash-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a PNG is what was drawn, say pngcheck and netpbm", async () => {
  const colours = fc.array(fc.integer({ min: 0, max: 0xffffff }), { minLength: 1, maxLength: 256 });
  const runs = fc.array(fc.tuple(fc.integer({ min: 1, max: 1_000 }), fc.nat(255)), {
    minLength: 1,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 700 }), runs, colours, async (width, drawn, rgb) => {
      const all = drawn.flatMap(([length, colour]) => Array<number>(length).fill(colour % rgb.length));
      const height = Math.ceil(all.length / width);
      const pixels = Uint8Array.from({ length: width * height }, (_, i) => all[i] ?? 0);
      const palette = rgb.map((colour) => `#${colour.toString(16).padStart(6, "0")}`);
      const file = write(await png({ width, height, pixels, palette }));

      expect(pngSize(new Uint8Array(readFileSync(file)))).toEqual({ width, height });
      execFileSync("pngcheck", ["-q", file]); // throws, with its output, on any complaint
      const expected = Array.from(pixels, (i) => [rgb[i]! >> 16, (rgb[i]! >> 8) & 255, rgb[i]! & 255]);
      const found = decoded(file);
      expect([found.width, found.height]).toEqual([width, height]);
      expect(found.rgb.equals(Buffer.from(expected.flat()))).toBe(true);
    }),
    { numRuns: 15 },
  );
});

const NAMES = [
  "x",
  "notepat",
  "$cow",
  "@jeffrey/frog",
  `@${"w".repeat(49)}/${"w".repeat(49)}`,
  "a-".repeat(50),
];

test.each(NAMES)(
  "the splash of %s is small, black at its edges, and not black in the middle",
  async (name) => {
    const bytes = await splash(name);
    expect(bytes.length).toBeLessThan(20_000);
    expect([...bytes.subarray(24, 29)]).toEqual([8, 3, 0, 0, 0]); // all of indexed colour that GRUB reads
    const { width, height, rgb } = decoded(write(bytes));
    expect([width, height]).toEqual([1280, 720]);
    const [margin, inked] = [32, [] as number[]];
    for (let i = 0; i < rgb.length; i += 3) {
      if (rgb.readUIntBE(i, 3) === 0) continue;
      const [x, y] = [(i / 3) % width, Math.floor(i / 3 / width)];
      inked.push(Math.min(x, y, width - 1 - x, height - 1 - y));
    }
    expect(Math.min(...new Set(inked))).toBeGreaterThanOrEqual(margin);
    expect(inked.length / (width * height)).toBeGreaterThan(0.005);
    expect(inked.length / (width * height)).toBeLessThan(0.2);
  },
);

test("two names have two splashes, and one name has one, in every release", async () => {
  const all = await Promise.all([...NAMES, "notepaT"].map((name) => splash(name)));
  expect(new Set(all.map(sha256Of)).size).toBe(all.length);
  expect(sha256Of(await splash("notepat"))).toBe(
    "0a0fecc014ca3ff0bc6a5065ff593df62fdd5b342cd44129aadc1984fab02ac0",
  );
});

const LONG = `@${"w".repeat(16)}/${"w".repeat(82)}`;

test.each(["x", "$cow", "@jeffrey/frog", LONG, "a-".repeat(50)])(
  "who has built the image stands below %s, and covers nothing of it",
  async (name) => {
    const by = "@sixteen_letters1";
    const [plain, signed] = [decoded(write(await splash(name))), decoded(write(await splash(name, by)))];
    const changed: number[] = []; // rows
    for (let i = 0; i < plain.rgb.length; i += 3) {
      const [before, after] = [plain.rgb.readUIntBE(i, 3), signed.rgb.readUIntBE(i, 3)];
      if (before === after) continue;
      expect(before).toBe(0); // nothing was there
      changed.push(Math.floor(i / 3 / plain.width));
    }
    const inked = (from: number, to: number) =>
      plain.rgb.subarray(from * plain.width * 3, to * plain.width * 3).some((byte) => byte > 0);
    const [top, bottom] = [Math.min(...new Set(changed)), Math.max(...new Set(changed))];
    expect(changed.length).toBeGreaterThan(1_000);
    expect(inked(top, bottom + 1)).toBe(false);
    expect(inked(0, top)).toBe(true); // the name
    expect(inked(bottom + 1, plain.height)).toBe(true); // the mark
  },
);

function write(bytes: Uint8Array): string {
  const file = path.join(folder, "splash.png");
  writeFileSync(file, bytes);
  return file;
}

/** By netpbm, which makes a bitmap of black and white: as 8-bit RGB in any case. */
function decoded(file: string) {
  const ppm = execFileSync("sh", ["-c", 'pngtopam "$0" | ppmtoppm | pamdepth 255', file], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const [head = "", w, h] = /^P6\n(\d+) (\d+)\n255\n/.exec(ppm.toString("latin1", 0, 40)) ?? [];
  return { width: Number(w), height: Number(h), rgb: ppm.subarray(head.length) };
}

test.each([2, 10, 32])(
  "the splash of %i pieces has all of their names inside its edges, or counts them",
  async (many) => {
    const names = Array.from({ length: many }, (_, i) => `@someone/quite-a-long-name-${i}`);
    for (const list of [names, [NAMES[4]!, ...names.slice(1)]]) {
      const { width, height, rgb } = decoded(write(await menuSplash(list, "@jeffrey")));
      expect([width, height]).toEqual([1280, 720]);
      const inked: number[] = [];
      for (let i = 0; i < rgb.length; i += 3) {
        if (rgb.readUIntBE(i, 3) === 0) continue;
        const [x, y] = [(i / 3) % width, Math.floor(i / 3 / width)];
        inked.push(Math.min(x, y, width - 1 - x, height - 1 - y));
      }
      expect(inked.length).toBeGreaterThan(5_000);
      expect(inked.reduce((least, each) => Math.min(least, each))).toBeGreaterThan(32);
    }
  },
);
