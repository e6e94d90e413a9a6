import { readFileSync } from "node:fs";
import path from "node:path";
import { files, serve } from "../src/testing/range-server.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";
import { configure, expect, READY, says, test } from "./site.ts";

// An image for another kind of computer: a list of bases for both, from the choice to the file and what is left to do.

const out = path.join(import.meta.dirname, "out");
const PATIENT = { timeout: 30_000 };
const { manifest, image } = await testBase();
const forArm = { ...manifest, arch: "aarch64" as const };
const { start, length } = manifest.piecePartition;
const entry = { flavor: "test", version: manifest.version, created: manifest.created };
const good = files({
  "/latest.json": {
    releases: [
      { ...entry, arch: "x86_64", manifest: "pc/manifest.json" },
      { ...entry, arch: "aarch64", manifest: "arm/manifest.json" },
    ],
  },
  "/pc/manifest.json": manifest,
  "/pc/base.img": image,
  "/arm/manifest.json": forArm,
  "/arm/base.img": image,
  "/pack-html": `<!doctype html><script>${"1;".repeat(50_000)}</script>`,
});

test("whoever wants an image for a Raspberry Pi says so once, and is told what to do with it", async ({
  page,
  site,
}) => {
  await using server = await serve(good);
  await configure(page, { latest: `${server.url}/latest.json`, oven: server.url });
  await page.goto(`${site.url}/os`);
  await expect.poll(() => says(page), PATIENT).toContain("* for Raspberry Pi or ARM");
  await page.screenshot({ path: path.join(out, "arm-picker.png") });
  await page.keyboard.press("*");
  await expect.poll(() => says(page), PATIENT).toContain("* for a PC instead");
  await page.keyboard.type("notepat");
  await page.keyboard.press("Space");
  await expect.poll(() => says(page), PATIENT).toMatch(READY);
  expect(new URL(page.url()).pathname).toBe("/os:notepat:arm");
  await page.screenshot({ path: path.join(out, "arm-ready.png") });

  const downloading = page.waitForEvent("download");
  await page.keyboard.press("s");
  const download = await downloading;
  expect(download.suggestedFilename()).toBe("notepat-os-arm.img");
  const bytes = new Uint8Array(readFileSync(await download.path()));
  expect(bytes.length).toBe(image.length);
  expect(sha256Of(bytes.slice(0, start))).toBe(sha256Of(image.slice(0, start)));
  const partition = Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
  expect(partition.includes('"base": "test-os test 2026.1.1 aarch64"')).toBe(true);

  const steps: string[] = [];
  for (const title of ["1. write it", "2. Windows says", "3. start it", "4. get the card back"]) {
    await expect.poll(() => says(page), PATIENT).toContain(title);
    steps.push(await says(page));
    await page.screenshot({ path: path.join(out, `arm-step-${title[0]}.png`) });
    await page.keyboard.press("ArrowRight");
  }
  expect(steps.join(" ")).toMatch(/"Use custom", and notepat-os-arm\.img.*SD card.*there is no key to press/);
  expect(steps.join(" ")).not.toMatch(/tap its boot menu key/);
});

test("on a computer with ARM an image for such is suggested, and one for a PC is a key away", async ({
  page,
  site,
}) => {
  await using server = await serve(good);
  await configure(page, { latest: `${server.url}/latest.json`, oven: server.url });
  await page.addInitScript(() => {
    const userAgentData = { getHighEntropyValues: async () => ({ architecture: "arm" }) };
    Object.defineProperty(navigator, "userAgentData", { value: userAgentData });
  });
  await page.goto(`${site.url}/os:notepat`);
  await expect.poll(() => says(page), PATIENT).toMatch(READY);
  expect(await says(page)).toMatch(/notepat-os-arm\.img.*\* for a PC/);
  expect(await says(page)).not.toContain("onto a stick"); // which is for PCs
  await page.screenshot({ path: path.join(out, "arm-suggested.png") });
  await page.keyboard.press("*");
  await expect.poll(() => says(page), PATIENT).toMatch(/notepat-os\.iso.*\* for (?:Raspberry Pi or )?ARM/);
  expect(new URL(page.url()).pathname).toBe("/os:notepat:pc");
  await page.keyboard.press("*");
  await expect.poll(() => says(page), PATIENT).toMatch(/notepat-os-arm\.img.*\* for a PC/);
  expect(new URL(page.url()).pathname).toBe("/os:notepat:arm"); // chosen now, and no more a suggestion
});

test("a finger on a narrow canvas chooses as well", async ({ browser, site }) => {
  await using server = await serve(good);
  const screen = { width: 390, height: 844 };
  const context = await browser.newContext({ viewport: screen, hasTouch: true, deviceScaleFactor: 2 });
  const page = await context.newPage();
  await configure(page, { latest: `${server.url}/latest.json`, oven: server.url });
  await page.goto(`${site.url}/os`);
  await expect.poll(() => says(page), PATIENT).toContain("for Raspberry Pi or ARM");
  await page.screenshot({ path: path.join(out, "arm-phone.png") });
  await page.touchscreen.tap(60, screen.height - 30);
  await expect.poll(() => says(page), PATIENT).toContain("for a PC instead");
  await page.screenshot({ path: path.join(out, "arm-phone-chosen.png") });
  await context.close();
});
