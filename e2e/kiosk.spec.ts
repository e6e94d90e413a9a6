import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { letIn } from "../base/qemu/intruder.ts";
import { withMachine } from "../base/qemu/machine.ts";
import { start, type Site } from "../dev/start.ts";
import { expect, says, startBuild, test, type } from "./site.ts";

// `npm run test:kiosk`: the real base, which takes too long for every run. A browser builds notepat-os.iso from it, and
// QEMU starts that in every way, and its variants (base/qemu/variants.ts). On two cores that emulate two others each start
// takes three to ten minutes; KIOSK_WAYS and KIOSK_VARIANTS choose some of them.

const WAYS = words("KIOSK_WAYS") ?? ["uefi-usb", "uefi-cdrom", "bios-usb", "bios-cdrom", "secure-usb"];
const VARIANTS = words("KIOSK_VARIANTS") ?? ["empty", "wrong", "missing", "twin", "grown"];
const START_SECONDS = 1800;
const START_MS = (START_SECONDS + 120) * 1000;

const out = path.join(import.meta.dirname, "out/kiosk");
const folder = mkdtempSync(path.join(tmpdir(), "kiosk-e2e-"));
const image = path.join(folder, "notepat-os.iso");
let site: Site & { close(): Promise<void> };

test.describe.configure({ mode: "serial" });
test.skip(!process.env["KIOSK"], "npm run test:kiosk");
test.beforeAll(async () => {
  site = await start({ flavor: "kiosk" });
});
test.afterAll(async () => {
  await site?.close();
  rmSync(folder, { recursive: true });
});

test("a browser builds the image", async ({ page }) => {
  test.setTimeout(600_000);
  await page.goto(site.url);
  const downloading = page.waitForEvent("download", { timeout: 0 });
  await type(page, "os notepat");
  await startBuild(page);
  await (await downloading).saveAs(image);
  await expect.poll(() => says(page)).toContain("notepat-os.iso is in your downloads");
});

for (const way of WAYS) {
  test(`it starts into the piece: ${way}`, () => starts("--way", way));
}
for (const variant of VARIANTS) {
  test(`it starts as the variant ${variant}`, () => starts("--way", "uefi-usb", "--variant", variant));
}

test("who has taken the session over gets no further", async () => {
  test.setTimeout(START_MS);
  const copy = path.join(folder, "intruder.iso");
  copyFileSync(image, copy);
  await letIn(copy);
  await withMachine({ image: copy, memory: 3072 }, async (machine) => {
    await machine.line(/^INTRUDER DONE/m, START_SECONDS);
    const said = machine.serial.match(/^INTRUDER .*(?=\r?$)/gm) ?? [];
    expect(said.filter((line) => !/^INTRUDER (DONE|\w+: held)/.test(line))).toEqual([]);
    for (const who of ["session", "manager"]) {
      expect(said.filter((line) => line.startsWith(`INTRUDER ${who}: `)).length).toBeGreaterThan(25);
    }
  });
});

/** Run base/qemu/boot-test, which fails, with its table, unless the line expected comes. */
function starts(...args: string[]): void {
  test.setTimeout(START_MS);
  const program = path.join(import.meta.dirname, "../base/qemu/boot-test");
  const usual = ["--memory", "3072", "--timeout", String(START_SECONDS), "--settle", "10", "--screens", out];
  execFileSync(program, [image, ...usual, ...args], { stdio: "inherit" });
}

function words(name: string): string[] | undefined {
  return process.env[name]?.split(/[ ,]+/).filter(Boolean);
}
