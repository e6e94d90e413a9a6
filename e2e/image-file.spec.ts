import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright/test";
import { BufferPool } from "../src/bytes/buffer-pool.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { openImage, openPartition } from "../src/image/image.ts";
import type { PartitionContents } from "../src/image/plan.ts";
import { RetryPolicy } from "../src/fetch/retry.ts";
import { WINDOW, windowsOf } from "../src/release/manifest.ts";
import { gather, pattern } from "../src/testing/bytes.ts";
import { memorySeed } from "../src/testing/memory-seed.ts";
import { files, holding, serve, type TestServer } from "../src/testing/range-server.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";
import { configure, expect, READY, says, test } from "./site.ts";

// Images that are on disk already, and pieces alone. In place of the browser's dialog, which needs a screen, stands a file
// of the page's private storage, which is written through the same interface; elsewhere it is a file input, as in browsers
// without handles.

const { manifest, image: base } = await testBase();
const { start, length } = manifest.piecePartition;
const NAME = "notepat-os.iso";
const PATIENT = { timeout: 30_000 };
const bundle = `<!doctype html><script>${"1;".repeat(50_000)}</script>`;
const older = { ...manifest, version: "2025.12.1" };
const entry = { flavor: "test", arch: "x86_64", created: manifest.created };
const good = files({
  "/latest.json": {
    releases: [
      { ...entry, version: "2026.1.1", manifest: "new/manifest.json" },
      { ...entry, version: "2025.12.1", manifest: "old/manifest.json" },
    ],
  },
  "/new/manifest.json": manifest,
  "/new/base.img": base,
  "/old/manifest.json": older,
  "/old/base.img": base,
  "/pack-html": bundle,
});

const html = new TextEncoder().encode(bundle);
const imageOf = async (name: string, of = manifest, others: readonly string[] = []): Promise<Bytes> => {
  const windows = windowsOf(of);
  const sources = { servers: [], retry: new RetryPolicy(), seeds: [memorySeed(windows, base, () => true)] };
  const never = new AbortController().signal;
  const contents: PartitionContents = {
    pieces: [{ name, html }, ...others.map((each) => ({ name: each, html }))],
  };
  const made = await openImage({ manifest: of, sources }, contents, never);
  return new Uint8Array(Buffer.concat(await gather(made.chunks(new BufferPool(WINDOW)))));
};
const [notepat, drift, old] = await Promise.all([
  imageOf("notepat"),
  imageOf("drift"),
  imageOf("notepat", older),
]);

/** The image with a wrong bit in a window of bytes, in one of zeros, and in the table's backup. */
const damaged = notepat.slice();
for (const at of [3 * WINDOW + 9, 2 * WINDOW + 7, damaged.length - 512 + 0x40]) damaged[at]! ^= 0x10;

const folder = mkdtempSync(path.join(tmpdir(), "os-image-file-"));
test.afterAll(() => rmSync(folder, { recursive: true }));

test("an image is verified, and what is wrong is fetched and written, and only that", async ({
  page,
  site,
}) => {
  await using server = await serve(good);
  await open(page, site.url, server, damaged);
  await expect
    .poll(() => says(page))
    .toMatch(/piece notepat base test 2026\.1\.1 9\.4 MB of its base are wrong/);
  server.requests.length = 0;
  await page.keyboard.press("s");
  await expect.poll(() => says(page), PATIENT).toContain("notepat-os.iso is whole again.");
  expect((await says(page)).replaceAll(" ", "")).toContain(sha256Of(notepat));
  expect(await stored(page)).toBe(sha256Of(notepat));
  // Zeros are made
  expect(server.requests.filter((each) => each.includes("base.img"))).toEqual([
    `GET /new/base.img bytes=${3 * WINDOW}-${4 * WINDOW - 1}`,
    `GET /new/base.img bytes=${6 * WINDOW}-${base.length - 1}`,
  ]);
});

test("another piece is put in, and nothing of the base is fetched", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server, notepat, "drift");
  await expect.poll(() => says(page), PATIENT).toContain("every byte of its base is right.");
  server.requests.length = 0;
  await page.keyboard.press("p");
  await expect.poll(() => says(page), PATIENT).toContain("drift is in notepat-os.iso.");
  expect((await says(page)).replaceAll(" ", "")).toContain(sha256Of(drift));
  expect(await stored(page)).toBe(sha256Of(drift));
  expect(server.requests.filter((each) => each.includes("base.img"))).toEqual([]);
});

test("several pieces are put in together, with a menu", async ({ page, site }) => {
  const both = await imageOf("drift", manifest, ["line"]);
  await using server = await serve(good);
  await open(page, site.url, server, notepat, "drift~line");
  await expect
    .poll(() => says(page), PATIENT)
    .toMatch(/every byte of its base is right.*put drift and 1 other in/);
  await page.keyboard.press("p");
  await expect.poll(() => says(page), PATIENT).toContain("2 pieces are in notepat-os.iso.");
  expect(await stored(page)).toBe(sha256Of(both));
  await page.keyboard.press("v");
  await expect.poll(() => says(page), PATIENT).toMatch(/piece drift, line .*every byte of its base is right/);
});

test("an older base is told, and stays", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server, old);
  await expect
    .poll(() => says(page), PATIENT)
    .toMatch(/2025\.12\.1, and 2026\.1\.1 is newer.*every byte of its base/);
  await page.keyboard.press("p");
  await expect.poll(() => says(page), PATIENT).toContain("notepat is in notepat-os.iso.");
  expect(await stored(page)).toBe(sha256Of(old));
});

test("without its partition table an image is known by its windows, and filled up it is mended in its place", async ({
  page,
  site,
}) => {
  const wrong = new Uint8Array(notepat.length + 1000);
  wrong.set(notepat);
  wrong[512 + 0x40]! ^= 1;
  wrong.fill(7, notepat.length);
  await using server = await serve(good);
  await open(page, site.url, server, wrong);
  await expect
    .poll(() => says(page))
    .toMatch(/piece notepat .*4\.2 MB of its base are wrong.*lie behind the image/);
  await page.keyboard.press("s");
  await expect.poll(() => says(page), PATIENT).toContain("notepat-os.iso is whole again.");
  wrong.set(notepat);
  expect(await stored(page)).toBe(sha256Of(wrong));
});

test("what is broken off leaves the file as it was", async ({ page, site }) => {
  const last = 6 * WINDOW;
  const { listener, release } = holding(good, last);
  await using server = await serve(listener);
  await open(page, site.url, server, damaged);
  await expect.poll(() => says(page), PATIENT).toContain("of its base are wrong");
  await page.keyboard.press("s");
  await expect.poll(() => server.requests.join(), PATIENT).toContain(`bytes=${last}-`);
  await expect.poll(() => says(page), PATIENT).toContain("c cancel");
  await page.keyboard.press("c");
  await expect.poll(() => says(page), PATIENT).toContain("It was stopped, and the file is as it was.");
  expect(await stored(page)).toBe(sha256Of(damaged));
  release();
  await page.keyboard.press("s");
  await expect.poll(() => says(page), PATIENT).toContain("is whole again");
  expect(await stored(page)).toBe(sha256Of(notepat));
});

test("a file that another program changes is left alone", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server, damaged);
  await expect.poll(() => says(page), PATIENT).toContain("of its base are wrong");
  await store(page, damaged.slice(0, 3 * WINDOW));
  await page.keyboard.press("s");
  await expect.poll(() => says(page), PATIENT).toMatch(/was changed, moved or removed by another program/);
  expect(await stored(page)).toBe(sha256Of(damaged.slice(0, 3 * WINDOW)));
});

test("elsewhere it becomes a new download, of which only what is wrong is fetched", async ({
  page,
  site,
}) => {
  await using server = await serve(good);
  await ready(page, site.url, server, "drift");
  const file = path.join(folder, NAME);
  writeFileSync(file, damaged);
  const choosing = page.waitForEvent("filechooser");
  await page.keyboard.press("o");
  await page.keyboard.press("f");
  await (await choosing).setFiles(file);
  await expect.poll(() => says(page), PATIENT).toContain("of its base are wrong");
  for (const [key, name, wanted] of [
    ["s", NAME, notepat],
    ["p", "drift-os.iso", drift],
  ] as const) {
    server.requests.length = 0;
    const downloading = page.waitForEvent("download");
    await page.keyboard.press(key);
    const download = await downloading;
    expect(download.suggestedFilename()).toBe(name);
    expect(sha256Of(new Uint8Array(readFileSync(await download.path())))).toBe(sha256Of(wanted));
    await expect
      .poll(async () => (await says(page)).replaceAll(" ", ""), PATIENT)
      .toContain(sha256Of(wanted));
    const parts = server.requests.filter((each) => each.includes("base.img"));
    expect(parts).toEqual([`GET /new/base.img bytes=${3 * WINDOW}-${4 * WINDOW - 1}`]);
    await page.keyboard.press("v");
    await expect.poll(() => says(page), PATIENT).toContain("of its base are wrong");
  }
  expect(sha256Of(new Uint8Array(readFileSync(file)))).toBe(sha256Of(damaged));
});

test("what is no image of ours is told in a sentence each", async ({ page, site }) => {
  await using server = await serve(good);
  await configure(page, { latest: `${server.url}/latest.json`, oven: server.url });
  await page.goto(`${site.url}/os`);
  await expect.poll(() => says(page), PATIENT).toContain("have an image? drop it here");
  const foreignDisk = notepat.slice();
  foreignDisk.set(pattern(base.length - WINDOW, 99).subarray(0, 3 * WINDOW), WINDOW);
  foreignDisk.fill(0, start, start + length);
  const iso = new Uint8Array(100_000);
  iso.set(new TextEncoder().encode("CD001"), 32_769);
  const cases: [string, Bytes, RegExp][] = [
    ["holiday.jpg", pattern(70_000, 3), /holiday\.jpg is no image of ours/],
    ["none.iso", new Uint8Array(0), /none\.iso is empty/],
    ["debian.iso", iso, /debian\.iso is the image of another disc/],
    ["os.iso.gz", new Uint8Array(gzipSync(html)), /is compressed \(gzip\): unpack it first/],
    ["cut.iso", notepat.slice(0, 5 * WINDOW), /cut\.iso is cut off: it has 20971520 of the 26214400 bytes/],
    ["disk.img", foreignDisk, /disk\.img is no image of ours/],
    ["piece.img", await partition(), /is a file system alone, as a piece partition is/],
    ["<b>\u001b[31m.iso", html, /is no image of ours/],
  ];
  for (const [name, bytes, words] of cases) {
    await drop(page, [[name, bytes]]);
    await expect.poll(() => says(page), { ...PATIENT, message: name }).toMatch(words);
    await page.keyboard.press("b");
    await expect.poll(() => says(page), PATIENT).toContain("choose a piece");
  }
  await drop(page, [
    ["a.iso", html],
    ["b.iso", html],
  ]);
  await expect.poll(() => says(page), PATIENT).toContain("2 files were dropped. Drop one image at a time.");
});

test("an image whose base is not to be had any more is told so", async ({ page, site }) => {
  const gone = await imageOf("notepat", { ...manifest, version: "2025.1.1" });
  await using server = await serve(good);
  await open(page, site.url, server, gone);
  await expect
    .poll(() => says(page))
    .toMatch(/made from the base test 2025\.1\.1, which is not to be had any more/);
});

test("an image that is dropped at the picker stays open for the piece that is chosen then", async ({
  page,
  site,
}) => {
  await using server = await serve(good);
  await configure(page, { latest: `${server.url}/latest.json`, oven: server.url });
  await page.goto(`${site.url}/os`);
  await expect.poll(() => says(page), PATIENT).toContain("have an image? drop it here");
  await drop(page, [[NAME, notepat]]);
  await expect
    .poll(() => says(page), PATIENT)
    .toMatch(/every byte of its base is right.*to put another piece in/);
  await page.keyboard.press("n");
  await expect.poll(() => says(page), PATIENT).toContain("choose a piece");
  await page.keyboard.type("drift");
  await page.keyboard.press("Space");
  await expect.poll(() => says(page), PATIENT).toMatch(READY);
  await page.keyboard.press("o");
  await page.keyboard.press("f");
  await expect.poll(() => says(page), PATIENT).toContain("p save it with drift");
});

test("only the piece is saved, and no base is fetched for it", async ({ page, site }) => {
  await using server = await serve(good);
  await ready(page, site.url, server, "notepat");
  server.requests.length = 0;
  await page.keyboard.press("o");
  await page.keyboard.press("o");
  const wanted = await partition();
  await expect.poll(async () => (await says(page)).replaceAll(" ", ""), PATIENT).toContain(sha256Of(wanted));
  const downloading = page.waitForEvent("download");
  await page.keyboard.press("s");
  const download = await downloading;
  expect(download.suggestedFilename()).toBe("notepat-piece.img");
  expect(sha256Of(new Uint8Array(readFileSync(await download.path())))).toBe(sha256Of(wanted));
  await expect.poll(() => says(page), PATIENT).toContain("os put notepat-piece.img /dev/sdX");
  expect(server.requests).toEqual([]);
});

async function partition(): Promise<Bytes> {
  const { chunks } = await openPartition(manifest, { pieces: [{ name: "notepat", html }] });
  return new Uint8Array(Buffer.concat(await gather(chunks(new BufferPool(WINDOW)))));
}

/** `os:PIECE` made ready, with a dialog that answers with the file NAME, which has `bytes`; that file opened. */
async function open(
  page: Page,
  url: string,
  server: TestServer,
  bytes: Bytes,
  piece = "notepat",
  { giveUpAfterSeconds = 60 } = {},
): Promise<void> {
  await page.addInitScript((name) => {
    const showOpenFilePicker = async () => [
      await (await navigator.storage.getDirectory()).getFileHandle(name),
    ];
    Object.assign(window, { showOpenFilePicker });
  }, NAME);
  await ready(page, url, server, piece, { giveUpAfterSeconds, hasPicker: true });
  await store(page, bytes);
  await page.keyboard.press("o");
  await page.keyboard.press("f");
}

async function ready(
  page: Page,
  url: string,
  server: TestServer,
  piece: string,
  { giveUpAfterSeconds = 60, hasPicker = false } = {},
): Promise<void> {
  await configure(page, { latest: `${server.url}/latest.json`, oven: server.url, giveUpAfterSeconds });
  if (!hasPicker) await page.addInitScript(() => Object.assign(window, { showOpenFilePicker: undefined }));
  await page.goto(`${url}/os:${piece}`);
  await expect.poll(() => says(page), PATIENT).toMatch(READY);
}

/** Put the file NAME into the page's private storage. */
async function store(page: Page, bytes: Bytes): Promise<void> {
  const served = "**/the-image";
  await page.route(served, (route) => route.fulfill({ body: Buffer.from(bytes) }));
  await page.evaluate(async (name) => {
    const file = await (await navigator.storage.getDirectory()).getFileHandle(name, { create: true });
    const writable = await file.createWritable();
    await (await fetch("/the-image")).body!.pipeTo(writable);
  }, NAME);
  await page.unroute(served);
}

/** The SHA-256 of the file NAME in the page's private storage. */
async function stored(page: Page): Promise<string> {
  return await page.evaluate(async (name) => {
    const file = await (await (await navigator.storage.getDirectory()).getFileHandle(name)).getFile();
    const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }, NAME);
}

/** Drop files on the canvas, as a browser without handles gives them. */
async function drop(page: Page, all: [string, Bytes][]): Promise<void> {
  const served = "**/dropped-*";
  await page.route(served, (route) => {
    const number = Number(/dropped-(\d+)/.exec(route.request().url())?.[1]);
    return route.fulfill({ body: Buffer.from(all[number]![1]) });
  });
  await page.evaluate(
    async (names) => {
      const dataTransfer = new DataTransfer();
      for (const [i, name] of names.entries()) {
        dataTransfer.items.add(new File([await (await fetch(`/dropped-${i}`)).blob()], name));
      }
      for (const type of ["dragover", "drop"]) {
        const event = new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true });
        document.querySelector("canvas")!.dispatchEvent(event);
        if (!event.defaultPrevented) throw new Error(`${type} is left to the browser`);
      }
    },
    all.map(([name]) => name),
  );
  await page.unroute(served);
}
