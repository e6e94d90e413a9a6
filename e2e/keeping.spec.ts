import { readFileSync } from "node:fs";
import type { Download, Page } from "playwright/test";
import { WINDOW } from "../src/release/manifest.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";
import { newerBase } from "../src/testing/newer-base.ts";
import { asksFrom, files, holding, serve, type TestServer } from "../src/testing/range-server.ts";
import { cancel, configure, expect, READY, says, startBuild, stored, test, type } from "./site.ts";

// What is fetched once is not fetched again: after a reload, after a failure, for another piece; and the
// failure of storage is nobody's business.

const { manifest, image } = await testBase();
const { start, length } = manifest.piecePartition;
const FETCHED = 3 * WINDOW; // the last window, with the backup table, is made
const bundle = `<!doctype html><script>${"1;".repeat(50_000)}</script>`;
const parts = { "/manifest.json": manifest, "/base.img": image, "/pack-html": bundle };
const good = files(parts);

test("what is not wished to be kept is gone when the build is over", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  await expectWhole(page, () => startBuild(page));
  await expect.poll(() => stored(page)).toEqual({});
});

test("a kept base serves another piece, without any server of base images", async ({ page, site }) => {
  let down = false;
  await using server = await serve((request, response) => {
    if (down && !request.url?.startsWith("/pack-html")) request.socket.destroy();
    else good(request, response);
  });
  await open(page, site.url, server);
  await expect.poll(() => says(page)).toMatch(READY);
  await page.keyboard.press("k");
  await expectWhole(page, () => startBuild(page));
  await expect.poll(async () => (await stored(page))["windows"]).toBe(FETCHED);

  down = true;
  server.requests.length = 0;
  await page.goto(`${site.url}/os:drift`);
  await expectWhole(page, () => startBuild(page), "drift-os.iso");
  expect(server.requests.filter((request) => request.includes("base.img"))).toEqual([]);

  down = false; // and with them: the base is still the newest
  await page.goto(`${site.url}/os:notepat`);
  await expectWhole(page, () => startBuild(page));
  expect(server.requests.filter((request) => request.includes("base.img"))).toEqual([]);
});

test("the SHA-256 can be saved for sha256sum, and os clear takes away what was kept", async ({
  page,
  site,
}) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  await expect.poll(() => says(page)).toMatch(READY);
  await page.keyboard.press("k");
  const saved = page.waitForEvent("download");
  await startBuild(page);
  const file = await (await saved).path();
  await expect.poll(() => says(page)).toContain("in your downloads");
  const checksum = page.waitForEvent("download");
  await page.keyboard.press("j");
  const download = await checksum;
  expect(download.suggestedFilename()).toBe("notepat-os.iso.sha256");
  const digest = sha256Of(new Uint8Array(readFileSync(file)));
  expect(readFileSync(await download.path(), "utf8")).toBe(`${digest}  notepat-os.iso\n`);

  await page.goto(site.url); // by a link they would be asked
  await type(page, "os clear");
  await expect.poll(() => says(page)).toContain("12.6 MB freed.");
  expect(await stored(page)).toEqual({});
});

test("a newer base is fetched, and the older one makes room for it", async ({ page, site }) => {
  let offered = manifest;
  await using server = await serve((request, response) => {
    files({ ...parts, "/manifest.json": offered })(request, response);
  });
  await open(page, site.url, server);
  await expect.poll(() => says(page)).toMatch(READY);
  await page.keyboard.press("k");
  await expectWhole(page, () => startBuild(page));

  const newer = image.slice();
  newer.fill(7, WINDOW, WINDOW + 100);
  const other = await testBase(newer.subarray(WINDOW, 2 * WINDOW));
  offered = { ...other.manifest, version: "2026.2.1", image: { ...other.manifest.image, url: "newer.img" } };
  Object.assign(parts, { "/newer.img": other.image });
  await page.goto(`${site.url}/os:notepat`);
  await expectWhole(page, () => startBuild(page), "notepat-os.iso", other.image);
  expect(await stored(page)).toMatchObject({ windows: FETCHED });
});

test("of a newer base only what is not in the kept one is fetched, and then the kept one goes", async ({
  page,
  site,
}) => {
  let served: Parameters<typeof files>[0] = parts;
  await using server = await serve((request, response) => files(served)(request, response));
  await open(page, site.url, server);
  await expect.poll(() => says(page)).toMatch(READY);
  await page.keyboard.press("k");
  await expectWhole(page, () => startBuild(page));

  const newer = await newerBase({ manifest, image });
  served = { ...newer.parts, "/pack-html": bundle };
  server.requests.length = 0;
  await page.goto(`${site.url}/os:notepat`);
  await expect.poll(() => says(page)).toContain("4.2 of 12.6 MB: the rest is here");
  await expectWhole(page, () => startBuild(page), "notepat-os.iso", newer.image);
  const asked = server.requests.filter((request) => request.includes("newer.img"));
  const bytes = asked.map((request) => (/bytes=(\d+)-(\d+)/.exec(request) ?? []).slice(1).map(Number));
  expect(bytes.reduce((sum, [first = 0, last = 0]) => sum + last + 1 - first, 0)).toBe(newer.left);
  await expect.poll(() => stored(page)).toMatchObject({ windows: FETCHED });
  const folders = await page.evaluate(async () => {
    const base = await (await navigator.storage.getDirectory()).getDirectoryHandle("os-base");
    const names: string[] = [];
    for await (const { name } of base.values()) names.push(name);
    return names;
  });
  expect(folders).toEqual([newer.manifest.image.sha256]);
});

test("after a reload in the middle, nothing is fetched twice", async ({ page, site }) => {
  const { listener, release } = holding(good, 3 * WINDOW);
  await using server = await serve(listener);
  await open(page, site.url, server);
  await startBuild(page);
  await expect.poll(() => says(page)).toContain("48%");
  page.on("dialog", (dialog) => void dialog.accept());
  await page.goto(`${site.url}/os:notepat`);
  release();
  await expectWhole(page, () => startBuild(page));
  const asked = server.requests.filter((request) => request.includes("base.img"));
  expect(asked.filter((request) => request.includes("bytes=0-"))).toHaveLength(1);
  expect(asked.filter((request) => request.includes(`bytes=${WINDOW}-`))).toHaveLength(1);
});

test("a failed build's next attempt goes on where it was", async ({ page, site }) => {
  let broken = true;
  await using server = await serve((request, response) => {
    if (broken && asksFrom(request, 3 * WINDOW)) request.socket.destroy();
    else good(request, response);
  });
  await open(page, site.url, server, { giveUpAfterSeconds: 2 });
  await startBuild(page);
  await expect.poll(() => says(page), { timeout: 20_000 }).toMatch(/nothing came for .*not fetched again/);
  broken = false;
  server.requests.length = 0;
  await page.keyboard.press("r");
  await expectWhole(page, () => startBuild(page));
  expect(server.requests.filter((request) => request.includes("base.img"))).toEqual([
    `GET /base.img bytes=${3 * WINDOW}-${4 * WINDOW - 1}`,
  ]);
});

test("a kept window that is damaged is fetched again, and it alone", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  await expect.poll(() => says(page)).toMatch(READY);
  await page.keyboard.press("k");
  await expectWhole(page, () => startBuild(page));
  await page.evaluate(async (at) => {
    const base = await (await navigator.storage.getDirectory()).getDirectoryHandle("os-base");
    for await (const folder of base.values()) {
      const file = await (folder as FileSystemDirectoryHandle).getFileHandle("windows");
      const writable = await file.createWritable({ keepExistingData: true });
      await writable.write({ type: "write", position: at, data: "damaged" });
      await writable.close();
    }
  }, WINDOW + 10);
  server.requests.length = 0;
  await page.goto(`${site.url}/os:drift`);
  await expectWhole(page, () => startBuild(page), "drift-os.iso");
  expect(server.requests.filter((request) => request.includes("base.img"))).toEqual([
    `GET /base.img bytes=${WINDOW}-${2 * WINDOW - 1}`,
  ]);
});

test("without room for it, a build does without", async ({ page, site, context }) => {
  const protocol = await context.newCDPSession(page);
  await protocol.send("Storage.overrideQuotaForOrigin", { origin: site.url, quotaSize: 1024 * 1024 });
  await using server = await serve(good);
  await open(page, site.url, server);
  await expectWhole(page, () => startBuild(page));
  expect((await stored(page))["windows"] ?? 0).toBe(0);
});

test("storage that fills up in the middle is given up, and the file is whole", async ({
  page,
  site,
  context,
}) => {
  const { listener, release } = holding(good, 3 * WINDOW);
  await using server = await serve(listener);
  await open(page, site.url, server);
  await expectWhole(page, async () => {
    await startBuild(page);
    await expect.poll(() => says(page)).toContain("48%");
    expect((await stored(page))["windows"]).toBe(2 * WINDOW);
    const protocol = await context.newCDPSession(page);
    await protocol.send("Storage.overrideQuotaForOrigin", { origin: site.url, quotaSize: 2 * WINDOW + 1024 });
    release();
  });
  expect(await stored(page)).toEqual({});
});

test("cancelling takes away what was kept for this build", async ({ page, site }) => {
  const { listener } = holding(good, 3 * WINDOW);
  await using server = await serve(listener);
  await open(page, site.url, server);
  await startBuild(page);
  await expect.poll(() => says(page)).toContain("48%");
  await cancel(page);
  await expect.poll(() => says(page)).toContain("The build was cancelled.");
  expect(await stored(page)).toEqual({});
});

test("an older base than the one seen is refused, unless it is asked for by name", async ({ page, site }) => {
  let offered = { ...manifest, version: "2026.1.10" };
  await using server = await serve((request, response) => {
    files({ ...parts, "/manifest.json": offered })(request, response);
  });
  await open(page, site.url, server);
  await expect.poll(() => says(page)).toMatch(READY);
  offered = { ...manifest, version: "2026.1.9" };
  await page.goto(`${site.url}/os:notepat`);
  await expect
    .poll(() => says(page))
    .toMatch(/2026\.1\.9, is older than the 2026\.1\.10 .* os:notepat:2026\.1\.9/);
  await page.goto(`${site.url}/os:notepat:2026.1.9`);
  await expectWhole(page, () => startBuild(page));
});

/** `os:notepat`, with all parts from `server`. */
async function open(
  page: Page,
  url: string,
  server: TestServer,
  { giveUpAfterSeconds = 60 } = {},
): Promise<void> {
  await configure(page, { latest: `${server.url}/manifest.json`, oven: server.url, giveUpAfterSeconds });
  await page.goto(url);
  await type(page, "os notepat");
}

/** What `act` leads to is a whole file: the base but for the piece, with the SHA-256 that the canvas shows. */
async function expectWhole(page: Page, act: () => Promise<void>, name = "notepat-os.iso", on = image) {
  const downloading = page.waitForEvent("download", { timeout: 60_000 });
  await act();
  const download: Download = await downloading;
  expect(download.suggestedFilename()).toBe(name);
  expect(await download.failure()).toBeNull();
  const bytes = new Uint8Array(readFileSync(await download.path()));
  expect(sha256Of(bytes.subarray(0, start))).toBe(sha256Of(on.subarray(0, start)));
  expect(sha256Of(bytes.subarray(start + length))).toBe(sha256Of(on.subarray(start + length)));
  await expect.poll(async () => (await says(page)).replaceAll(" ", "")).toContain(sha256Of(bytes));
  await expect.poll(() => says(page)).toContain("in your downloads");
}
