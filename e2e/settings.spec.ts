import type { Download, Page } from "playwright/test";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { files, serve } from "../src/testing/range-server.ts";
import { testBase } from "../src/testing/test-base.ts";
import { configure, expect, READY, says, startBuild, test } from "./site.ts";

// "Settings": a form over the canvas, in a frame of its own, so that no key typed there reaches AC. What is said there goes
// into the image, and nowhere else.

const { manifest, image } = await testBase();
const bundle = `<!doctype html><script>${"1;".repeat(50_000)}</script>`;
const good = files({ "/manifest.json": manifest, "/base.img": image, "/pack-html": bundle });
const PASSPHRASE = "correct `horse` $1";

test("what is said in the form is in the image, and its secrets are nowhere else", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server.url);
  const before = await promised(page);
  await page.keyboard.press("e");
  const form = page.frameLocator('iframe[title="Settings of the machine"]');
  await form.getByRole("button", { name: "Add a network" }).press("Enter");
  await form.getByLabel("Name", { exact: true }).fill("Café");
  await form.getByLabel("Passphrase").fill("short");
  await form.getByLabel("Keyboard").selectOption({ label: "German" });
  await form.getByLabel("Its variant").selectOption("nodeadkeys");
  await form.getByLabel("Time zone").selectOption("Europe/Berlin");
  await form.getByLabel("Turn the picture").selectOption("90");
  await form.getByLabel("Volume").fill("40");
  await form.getByLabel("Nobody can open the settings on the machine").check();
  await form.getByRole("button", { name: "Done" }).click();
  await expect(form.getByRole("alert")).toContainText("Network 1: passphrase has 8 to 63 characters");
  await form.getByLabel("Passphrase").fill("");
  await form.getByLabel("Passphrase").pressSequentially(PASSPHRASE); // keys of AC's own are among them
  await form.getByRole("button", { name: "Done" }).click();
  await expect.poll(() => says(page)).toContain('set up wifi "Caf " (wpa3), keyboard de nodeadkeys');
  await expect.poll(() => promised(page)).not.toBe(before);

  const told = await page.evaluate(() => JSON.stringify(Object.entries(localStorage)) + location.href);
  expect(told).not.toContain(PASSPHRASE);
  const downloading = page.waitForEvent("download");
  await startBuild(page);
  const json = settingsIn(await downloading);
  expect(JSON.parse(await json)).toMatchObject({
    format: 1,
    random: expect.stringMatching(/^[0-9a-f]{32}$/),
    wifi: [{ ssid: "Café", security: "wpa3", passphrase: PASSPHRASE, hidden: false }],
    keyboard: { layout: "de", variant: "nodeadkeys" },
    timeZone: "Europe/Berlin",
    rotation: 90,
    volume: 40,
    locked: true,
  });
});

test("they are remembered when that is wanted, with keys instead of passphrases, and forgotten", async ({
  page,
  site,
}) => {
  await using server = await serve(good);
  await open(page, site.url, server.url);
  await page.keyboard.press("e");
  const form = page.frameLocator('iframe[title="Settings of the machine"]');
  await form.getByRole("button", { name: "Add a network" }).click();
  await form.getByLabel("Name", { exact: true }).fill("IEEE");
  await form.getByLabel("Passphrase").fill("password");
  await form.getByLabel("Security").selectOption("wpa2");
  await form.getByLabel("Nobody can open the settings on the machine").check();
  await form.getByLabel("Remember this").check();
  await form.getByRole("button", { name: "Done" }).click();
  await expect.poll(() => says(page)).toContain('wifi "IEEE" (wpa2)');

  await page.goto(`${site.url}/os:drift`);
  await expect.poll(() => says(page)).toContain('wifi "IEEE" (wpa2)');
  const kept = await page.evaluate(() => localStorage.getItem("os:settings") ?? "");
  expect(kept).not.toMatch(/password|random/);
  expect(kept).toContain("f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"); // IEEE 802.11, annex J.4

  await page.keyboard.press("e");
  await form.getByRole("button", { name: "Remove it" }).click();
  await form.getByLabel("Nobody can open the settings on the machine").uncheck(); // it was remembered
  await form.getByRole("button", { name: "Done" }).click();
  await expect.poll(() => says(page)).not.toContain("set up");
  expect(await page.evaluate(() => localStorage.getItem("os:settings"))).toBeNull();
});

test("who changes their mind, or leaves, changes nothing", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server.url);
  const before = await promised(page);
  const frame = page.locator('iframe[title="Settings of the machine"]');
  await page.keyboard.press("e");
  await expect(frame).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(frame).toHaveCount(0);
  await page.keyboard.press("e"); // keys are the piece's again
  await expect(frame).toBeVisible();
  await page.evaluate(() =>
    (window as unknown as { stage: { jump?(to: string): void } }).stage.jump?.("prompt"),
  );
  await page.goto(`${site.url}/os:notepat`);
  await expect.poll(() => promised(page)).toBe(before);
});

async function open(page: Page, url: string, server: string): Promise<void> {
  await configure(page, { latest: `${server}/manifest.json`, oven: server });
  await page.goto(`${url}/os:notepat`);
  await expect.poll(() => says(page)).toMatch(READY);
}

/** The SHA-256 that is promised. */
async function promised(page: Page): Promise<string> {
  return /sha256 ((?:[0-9a-f]+ ?){1,4})/.exec(await says(page))?.[1]?.replaceAll(" ", "") ?? "";
}

/** What `settings.json` says in an image. */
async function settingsIn(download: Download): Promise<string> {
  const { start } = manifest.piecePartition;
  const saved = await download.path();
  const partition = path.join(path.dirname(saved), `${path.basename(saved)}.ext4`);
  execFileSync("dd", [`if=${saved}`, `of=${partition}`, "bs=1M", `skip=${start / 1024 / 1024}`], {
    stdio: "ignore",
  });
  return execFileSync("/sbin/debugfs", ["-R", "cat /settings.json", partition], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
}
