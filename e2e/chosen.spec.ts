import type { Page } from "playwright/test";
import { WINDOW } from "../src/release/manifest.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";
import { asksFrom, files, holding, serve, type TestServer } from "../src/testing/range-server.ts";
import { cancel, configure, expect, READY, says, stored, test, type } from "./site.ts";

// "Choose where": the file is written by the worker to a handle, and an interrupted one is gone on with. In place of the
// browser's dialog, which needs a screen (everywhere.spec.ts), stands a file of the page's private storage, which is
// written through the same interface.

const { manifest, image } = await testBase();
const { start, length } = manifest.piecePartition;
const NAME = "notepat-os.iso";
const bundle = `<!doctype html><script>${"1;".repeat(50_000)}</script>`;
const good = files({ "/manifest.json": manifest, "/base.img": image, "/pack-html": bundle });

test("the file chosen is whole, and begins with its partition table only then", async ({ page, site }) => {
  const { listener, release } = holding(good, 3 * WINDOW);
  await using server = await serve(listener);
  await open(page, site.url, server);
  await page.keyboard.press("w");
  await expect.poll(() => says(page)).toContain("48%");
  release();
  await expectWhole(page);
  await expect.poll(() => stored(page)).toEqual({ [NAME]: image.length });
});

test("an interrupted file is gone on with after a reload, from what is in it", async ({ page, site }) => {
  let broken = true;
  await using server = await serve((request, response) => {
    if (broken && asksFrom(request, 3 * WINDOW)) request.socket.destroy();
    else good(request, response);
  });
  await open(page, site.url, server, { giveUpAfterSeconds: 2 });
  await page.keyboard.press("w");
  await expect.poll(() => says(page), { timeout: 20_000 }).toMatch(/nothing came for/);
  const half = await look(page, [0, WINDOW], [WINDOW, 3 * WINDOW]);
  expect(half).toEqual({
    size: 3 * WINDOW,
    // The first is zeros still, so that nobody takes it for a disk image.
    hashes: [new Uint8Array(WINDOW), image.slice(WINDOW, 3 * WINDOW)].map(sha256Of),
  });

  await page.evaluate(async () => {
    await (await navigator.storage.getDirectory()).removeEntry("os-base", { recursive: true });
  });
  broken = false;
  server.requests.length = 0;
  await page.goto(`${site.url}/os:notepat`);
  await expect.poll(() => says(page)).toMatch(READY);
  await page.keyboard.press("w");
  await expectWhole(page);
  const asked = server.requests.filter((request) => request.includes("base.img"));
  expect(asked.filter((request) => request.includes(`bytes=${WINDOW}-`))).toEqual([]); // read from the file
  expect(asked.filter((request) => request.includes(`bytes=${3 * WINDOW}-`))).toHaveLength(1);
});

test("a reload in the middle leaves the file, to be gone on with", async ({ page, site, context }) => {
  const protocol = await context.newCDPSession(page);
  const { listener, release } = holding(good, 3 * WINDOW);
  await using server = await serve(listener);
  await open(page, site.url, server);
  // Too little to keep the base beside it, so that all there is is in the file.
  await protocol.send("Storage.overrideQuotaForOrigin", { origin: site.url, quotaSize: 2 * image.length });
  await page.keyboard.press("w");
  await expect.poll(() => says(page)).toContain("48%");
  page.on("dialog", (dialog) => void dialog.accept());
  await page.goto(`${site.url}/os:notepat`);
  await expect.poll(() => says(page)).toMatch(READY);
  expect(await stored(page)).toHaveProperty([NAME]);
  release();
  await expect.poll(() => says(page)).toContain("w continue");
  await page.keyboard.press("w");
  await expectWhole(page);
});

test("cancelling takes the file away", async ({ page, site }) => {
  const { listener } = holding(good, 3 * WINDOW);
  await using server = await serve(listener);
  await open(page, site.url, server);
  await page.keyboard.press("w");
  await expect.poll(() => says(page)).toContain("48%");
  await cancel(page);
  await expect.poll(() => says(page)).toContain("The build was cancelled.");
  await expect.poll(() => stored(page)).toEqual({});
});

test("a disk that is full is told in words, before anything is fetched", async ({ page, site, context }) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  const protocol = await context.newCDPSession(page);
  await protocol.send("Storage.overrideQuotaForOrigin", { origin: site.url, quotaSize: 6 * WINDOW });
  server.requests.length = 0;
  await page.keyboard.press("w");
  await expect.poll(() => says(page)).toMatch(/not enough room where the file is to go\. Free some space/);
  expect(server.requests).toEqual([]);
});

test("who changes their mind in the dialog is where they were", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  await page.evaluate(() => {
    const showSaveFilePicker = () => {
      Object.assign(window, { asked: true });
      return Promise.reject(new DOMException("", "AbortError"));
    };
    Object.assign(window, { showSaveFilePicker });
  });
  await page.keyboard.press("w");
  await expect.poll(() => page.evaluate("window.asked")).toBe(true);
  await expect.poll(() => says(page)).toMatch(READY);
  const downloading = page.waitForEvent("download");
  await page.keyboard.press("s");
  expect(await (await downloading).failure()).toBeNull();
});

/** `os notepat` made ready, with all parts from `server`, and a dialog that answers with a file at once. */
async function open(
  page: Page,
  url: string,
  server: TestServer,
  { giveUpAfterSeconds = 60 } = {},
): Promise<void> {
  await configure(page, { latest: `${server.url}/manifest.json`, oven: server.url, giveUpAfterSeconds });
  await page.addInitScript(() => {
    const answer = async ({ suggestedName }: { suggestedName: string }) => {
      const root = await navigator.storage.getDirectory();
      return await root.getFileHandle(suggestedName, { create: true });
    };
    Object.assign(window, { showSaveFilePicker: answer });
  });
  await page.goto(url);
  await type(page, "os notepat");
  await expect.poll(() => says(page)).toMatch(READY);
}

/** The file's size, and the SHA-256 of each range of it. */
async function look(page: Page, ...ranges: [number, number][]): Promise<{ size: number; hashes: string[] }> {
  return await page.evaluate(
    async ([name, all]) => {
      const file = await (await (await navigator.storage.getDirectory()).getFileHandle(name)).getFile();
      const hashes = all.map(async ([from, to]) => {
        const bytes = await file.slice(from, to).arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
        return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
      });
      return { size: file.size, hashes: await Promise.all(hashes) };
    },
    [NAME, ranges] as const,
  );
}

async function expectWhole(page: Page): Promise<void> {
  await expect.poll(() => says(page), { timeout: 20_000 }).toMatch(/is where you wanted it/);
  const end = image.length;
  const { size, hashes } = await look(page, [0, start], [start + length, end], [0, end]);
  expect(size).toBe(end);
  expect(hashes[0]).toBe(sha256Of(image.subarray(0, start)));
  expect(hashes[1]).toBe(sha256Of(image.subarray(start + length)));
  expect((await says(page)).replaceAll(" ", "")).toContain(hashes[2]);
}
