import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Page } from "playwright/test";
import { ANSWER, bootImage } from "../base/qemu/boot.ts";
import { makeFatStick } from "../base/qemu/fat-stick.ts";
import { WINDOW } from "../src/release/manifest.ts";
import { asksFrom, files, serve, type TestServer } from "../src/testing/range-server.ts";
import { signManifest, testKey } from "../src/testing/sign.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";
import { says as saysIn } from "./browsers/browser.ts";
import { chromium } from "./browsers/chromium.ts";
import { missingDisplay } from "./browsers/display.ts";
import { configure, expect, READY, says, test, type } from "./site.ts";

// "Onto a stick": the worker writes files into a folder that the person chose; first by Chromium's own dialog and question, in
// a window, then in a folder of the page's private storage, which is written through the same interface. Neither is FAT,
// which the page finds, and is told to go on: mtools put the files onto FAT, since not every kernel that runs this has it.

const { manifest, image } = await testBase();
const bundle = `<!doctype html><script>${"1;".repeat(50_000)}</script>`;
const good = files({
  "/manifest.json": manifest,
  "/manifest.json.minisig": signManifest(manifest, testKey()),
  "/base.img": image,
  "/pack-html": bundle,
});

test("what a real Chromium puts onto a stick, by its own dialog, starts a computer by UEFI", async ({
  site,
}) => {
  test.skip(missingDisplay !== undefined, missingDisplay);
  test.setTimeout(600_000);
  await using browser = await chromium.launch({ headed: true });
  const folder = path.join(browser.downloads, "STICK");
  mkdirSync(folder);
  const told = () => saysIn(browser);
  await browser.open(`${site.url}/os:notepat`);
  await expect.poll(told, { timeout: 60_000 }).toMatch(READY);
  await browser.press("u");
  await browser.chooseFolder!(async () => /look like FAT32/.test(await told()));
  await browser.press("g");
  await expect.poll(told).toContain("s put notepat on it");
  await browser.press("s");
  await expect.poll(told, { timeout: 120_000 }).toContain("notepat is on STICK");
  await browser.press("v");
  await expect.poll(told, { timeout: 60_000 }).toContain("every byte is right.");

  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  expect(names.filter((name) => /crswap|probe/.test(name))).toEqual([]);
  const html = readFileSync(
    path.join(
      folder,
      names.find((name) => name.endsWith("piece.html"))!,
    ),
  );
  const disk = path.join(browser.downloads, "stick.img");
  makeFatStick(disk, folder, { mib: 300 });
  const { line } = await bootImage({ image: disk, until: ANSWER, timeoutSeconds: 400 });
  expect(line).toBe(`PIECE notepat ${sha256Of(html)} ${html.length}`);
});

test("another piece is a moment, and pieces are seen to", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  await put(page);
  await expect.poll(() => says(page)).toContain("notepat is on STICK, but not yet safe there.");
  await page.keyboard.press("v");
  await expect.poll(() => says(page)).toContain("every byte is right.");

  server.requests.length = 0;
  await page.goto(`${site.url}/os:drift`);
  await expect.poll(() => says(page)).toMatch(READY);
  await page.keyboard.press("u"); // the same stick, without the dialog
  await put(page);
  await expect.poll(() => says(page)).toContain("drift is on STICK");
  expect(await page.evaluate("window.asked")).toBe(0);
  const parts = server.requests.filter((request) => request.includes("base.img"));
  expect(parts.filter((request) => !request.includes("bytes=0-"))).toEqual([]); // the window with the partition table

  await page.keyboard.press("m");
  await expect.poll(() => says(page)).toMatch(/\[x\] drift.*\[ \] notepat/);
  await page.keyboard.press("2");
  await expect.poll(() => says(page)).toMatch(/\[ \] drift.*\[x\] notepat/);
  await page.keyboard.press("d");
  await page.keyboard.press("2");
  await expect.poll(() => says(page)).toMatch(/removed\..*\[x\] drift/);
  await page.keyboard.press("t");
  await page.keyboard.press("y");
  await expect.poll(() => says(page)).toContain("os is off this stick.");
  expect([...(await onStick(page)).keys()]).toEqual(["/holiday.txt"]);
});

test("another system gives way only when the person says so, and comes back", async ({ page, site }) => {
  await using server = await serve(good);
  const before = { "/EFI/BOOT/BOOTX64.EFI": "Windows", "/bootmgr.efi": "its own" };
  await open(page, site.url, server, { before });
  await page.keyboard.press("g");
  await expect.poll(() => says(page)).toContain("Windows starts from this stick");
  await page.keyboard.press("s");
  await page.keyboard.press("n");
  expect((await onStick(page)).size).toBe(3);
  await page.keyboard.press("s");
  await expect.poll(() => says(page)).toContain("let Windows give way?");
  await page.keyboard.press("y");
  await expect.poll(() => says(page)).toContain("notepat is on STICK");
  await page.keyboard.press("m");
  await page.keyboard.press("t");
  await page.keyboard.press("y");
  await expect.poll(() => says(page)).toContain("os is off this stick.");
  const left = await onStick(page);
  expect([...left.keys()].sort()).toEqual(["/EFI/BOOT/BOOTX64.EFI", "/bootmgr.efi", "/holiday.txt"]);
  expect(left.get("/EFI/BOOT/BOOTX64.EFI")).toBe(sha256Of(Buffer.from("Windows")));
});

test("a fault is told, and going on repeats nothing that is there", async ({ page, site }) => {
  const { start } = manifest.files.find(({ path: name }) => name.endsWith("vmlinuz"))!;
  const window = Math.floor(start / WINDOW) * WINDOW;
  let broken = true;
  await using server = await serve((request, response) => {
    if (broken && asksFrom(request, window)) request.socket.destroy();
    else good(request, response);
  });
  await open(page, site.url, server, { giveUpAfterSeconds: 2 });
  await put(page);
  await expect
    .poll(() => says(page), { timeout: 30_000 })
    .toMatch(/nothing came for .*Check your connection/);
  expect([...(await onStick(page)).keys()]).not.toContain("/EFI/BOOT/BOOTX64.EFI");
  broken = false;
  await put(page);
  await expect.poll(() => says(page)).toContain("notepat is on STICK");
  await page.keyboard.press("v");
  await expect.poll(() => says(page)).toContain("every byte is right.");
});

test("two tabs do not write to one stick", async ({ page, site }) => {
  const { start } = manifest.files.find(({ path: name }) => name.endsWith("vmlinuz"))!;
  const window = Math.floor(start / WINDOW) * WINDOW;
  let goOn = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  await using server = await serve((request, response) => {
    if (asksFrom(request, window)) void held.then(() => good(request, response));
    else good(request, response);
  });
  await open(page, site.url, server);
  await put(page);
  await expect.poll(() => says(page)).toContain("writing to STICK");
  const other = await page.context().newPage();
  await open(other, site.url, server);
  await put(other);
  await expect.poll(() => says(other)).toContain("Something is being done on this stick already");
  goOn();
  await expect.poll(() => says(page), { timeout: 30_000 }).toContain("notepat is on STICK");
  await put(other);
  await expect.poll(() => says(other)).toContain("notepat is on STICK");
});

test("a key while the dialog is open begins nothing on the stick before", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  await page.keyboard.press("g");
  await expect.poll(() => says(page)).toMatch(/s put \S+ on it/);
  await page.evaluate(() => {
    const answer = new Promise((resolve) => {
      const folder = async () =>
        (await navigator.storage.getDirectory()).getDirectoryHandle("OTHER", { create: true });
      const showDirectoryPicker = () => {
        Object.assign(window, { isAsked: true });
        return answer;
      };
      Object.assign(window, { answerNow: () => resolve(folder()), showDirectoryPicker, isAsked: false });
    });
  });
  await page.keyboard.press("u");
  await expect.poll(() => page.evaluate("isAsked")).toBe(true);
  await page.keyboard.press("s");
  await page.keyboard.press("b"); // which nothing heeds while something is being done
  await expect.poll(() => says(page)).toMatch(READY);
  await page.evaluate("answerNow()");
  await expect.poll(() => says(page)).toMatch(/stick OTHER this does not look like FAT32/);
  expect([...(await onStick(page)).keys()]).toEqual(["/holiday.txt"]);
});

test("a stick that is gone is told, and looked for again", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  await put(page);
  await expect.poll(() => says(page)).toContain("notepat is on STICK");
  await page.evaluate(async () => {
    await (await navigator.storage.getDirectory()).removeEntry("STICK", { recursive: true });
  });
  await page.keyboard.press("v");
  await expect.poll(() => says(page)).toContain("does not answer: was it pulled out?");
  await page.evaluate(async () => {
    await (await navigator.storage.getDirectory()).getDirectoryHandle("STICK", { create: true });
  });
  await page.keyboard.press("r");
  await expect.poll(() => says(page)).toContain("this does not look like FAT32"); // it may be another one
  await page.keyboard.press("g");
  await expect.poll(() => says(page)).toContain("what is on it stays.");
});

test("another stick in its place is not taken for it", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  await put(page);
  await expect.poll(() => says(page)).toContain("notepat is on STICK");
  await page.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    await root.removeEntry("STICK", { recursive: true });
    await root.getDirectoryHandle("STICK", { create: true });
  });
  await page.keyboard.press("v");
  await expect.poll(() => says(page)).toContain("Nothing of os is on this stick. Plug in the one");
});

test("what is damaged on a stick is named, and repaired", async ({ page, site }) => {
  await using server = await serve(good);
  await open(page, site.url, server);
  await put(page);
  await expect.poll(() => says(page)).toContain("notepat is on STICK");
  const live = [...(await onStick(page)).keys()].find((name) => name.endsWith("/live.img"))!;
  await page.evaluate(async (name) => {
    let folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("STICK");
    const names = name.split("/").filter(Boolean);
    for (const each of names.slice(0, -1)) folder = await folder.getDirectoryHandle(each);
    const file = await folder.getFileHandle(names.at(-1)!);
    const writable = await file.createWritable({ keepExistingData: true });
    await writable.write({ type: "write", position: 5000, data: new Uint8Array([1, 2, 3]) });
    await writable.close();
  }, live);
  await page.keyboard.press("v");
  await expect.poll(() => says(page)).toContain("live.img is damaged");
  await page.keyboard.press("f");
  await expect.poll(() => says(page)).toContain("whole again, but not yet safe on STICK.");
  await page.keyboard.press("v");
  await expect.poll(() => says(page)).toContain("every byte is right.");
});

/** A folder of the page's own storage with `holiday.txt` and what else is there, and a dialog that answers with it. */
async function stickFolder(page: Page, before: Readonly<Record<string, string>> = {}): Promise<void> {
  await page.addInitScript((there) => {
    const folderAt = async (names: readonly string[]) => {
      let folder = await navigator.storage.getDirectory();
      for (const name of ["STICK", ...names])
        folder = await folder.getDirectoryHandle(name, { create: true });
      return folder;
    };
    const answer = async () => {
      Object.assign(window, { asked: 1 });
      for (const [at, text] of Object.entries({ "/holiday.txt": "sea", ...there })) {
        const names = at.split("/").filter(Boolean);
        const file = await (
          await folderAt(names.slice(0, -1))
        ).getFileHandle(names.at(-1)!, { create: true });
        const writable = await file.createWritable();
        await writable.write(text);
        await writable.close();
      }
      return await folderAt([]);
    };
    Object.assign(window, { showDirectoryPicker: answer, asked: 0 });
  }, before);
}

/** `os notepat` made ready, with all parts from `server`, and a stick chosen for it. */
async function open(
  page: Page,
  url: string,
  server: TestServer,
  {
    giveUpAfterSeconds = 60,
    before = {},
  }: { giveUpAfterSeconds?: number; before?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  await configure(page, { latest: `${server.url}/manifest.json`, oven: server.url, giveUpAfterSeconds });
  await stickFolder(page, before);
  await page.goto(url);
  await type(page, "os notepat");
  await expect.poll(() => says(page)).toMatch(READY);
  await page.keyboard.press("u");
  await expect.poll(() => says(page)).toContain("this does not look like FAT32");
}

/** Say that the stick is one after all, and have the piece put onto it. */
async function put(page: Page): Promise<void> {
  await expect.poll(() => says(page)).toMatch(/another stick/);
  await page.keyboard.press("g");
  await expect.poll(() => says(page)).toMatch(/s put \S+ on it/);
  await page.keyboard.press("s");
}

/** The SHA-256 of each file on the stick, by path. */
async function onStick(page: Page): Promise<Map<string, string>> {
  const found = await page.evaluate(async () => {
    const all: [string, string][] = [];
    const walk = async (folder: FileSystemDirectoryHandle, at: string) => {
      for await (const entry of folder.values()) {
        const name = `${at}/${entry.name}`;
        if (entry.kind === "directory") await walk(entry, name);
        else {
          const digest = await crypto.subtle.digest("SHA-256", await (await entry.getFile()).arrayBuffer());
          const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"));
          all.push([name, hex.join("")]);
        }
      }
    };
    await walk(await (await navigator.storage.getDirectory()).getDirectoryHandle("STICK"), "");
    return all;
  });
  return new Map(found);
}
