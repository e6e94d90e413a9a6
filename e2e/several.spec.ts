import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseListing } from "../src/image/os-json.ts";
import { files, serve } from "../src/testing/range-server.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";
import { configure, expect, READY, says, startBuild, test, type } from "./site.ts";

// Several pieces on one stick: from marks in the list to an image that other tools find sound.

const { manifest, image } = await testBase();
const out = path.join(import.meta.dirname, "out");

test("three pieces are marked, one that does not exist is left out, and one comes first", async ({
  page,
  site,
}) => {
  await using server = await serve(files({ "/manifest.json": manifest, "/base.img": image }));
  await configure(page, { latest: `${server.url}/manifest.json`, oven: site.oven });
  await page.goto(site.url);
  await type(page, "os");
  await expect.poll(() => says(page)).toContain("notepat + prompt + line");
  await page.keyboard.press(","); // notepat, which is first
  for (const name of ["drift", "frogg", "@os/hello"]) await page.keyboard.type(`${name},`);
  await expect.poll(() => says(page)).toContain("4 pieces marked");
  await page.screenshot({ path: path.join(out, "several-marked.png") });
  await page.keyboard.press("Tab");
  await expect.poll(() => new URL(page.url()).pathname).toBe("/os:notepat~drift~frogg~@os/hello");

  await expect.poll(() => says(page)).toContain("There is no piece called frogg.");
  await page.screenshot({ path: path.join(out, "several-lacking.png") });
  await page.keyboard.press("s"); // go on without it
  await expect.poll(() => says(page)).toMatch(READY);
  const holder = page.locator("#content iframe");
  await expect(holder).toHaveCount(1);
  await page.keyboard.press("2");
  await expect.poll(() => says(page)).toContain("on a computer, drift may use:");
  const titles = () => Promise.all(page.frames().map((frame) => frame.title().catch(() => "")));
  await expect.poll(titles).toContain("drift"); // the preview is of the one that is looked at
  await page.keyboard.press("t");
  await page.keyboard.press("m");
  await expect.poll(() => says(page)).toContain("[x] microphone");
  await page.screenshot({ path: path.join(out, "several-one.png") });
  await page.keyboard.press("b");
  await expect.poll(() => says(page)).toMatch(/starts with drift .*drift, [\d.]+ [KM]B, may use microphone/);
  const promised = async () => /sha256 ((?:[0-9a-f]+ ?)+)/.exec(await says(page))?.[1]?.replaceAll(" ", "");
  await expect.poll(promised).toMatch(/^[0-9a-f]{64}/);
  const sha256 = (await promised())?.slice(0, 64);
  await page.screenshot({ path: path.join(out, "several-ready.png") });

  const downloading = page.waitForEvent("download");
  await startBuild(page);
  const download = await downloading;
  expect(download.suggestedFilename()).toBe("notepat+2-os.iso");
  const saved = await download.path();
  expect(sha256Of(new Uint8Array(readFileSync(saved)))).toBe(sha256);

  const partition = `${saved}.ext4`;
  writeFileSync(partition, slice(saved, manifest.piecePartition));
  expect(run("e2fsck", "-fn", partition)).not.toMatch(/fix\?|WARNING/i);
  const cat = (file: string) => run("debugfs", "-R", `cat /${file}`, partition);
  const { start, pieces } = parseListing(cat("os.json"));
  expect(start).toBe("drift");
  expect(pieces.map(({ piece, allow }) => [piece, allow])).toEqual([
    ["notepat", []],
    ["drift", ["microphone"]],
    ["@os/hello", []],
  ]);
  for (const { folder, size, sha256: digest } of pieces) {
    const file = path.join(path.dirname(saved), `${folder}.html`);
    run("debugfs", "-R", `dump /pieces/${folder}/piece.html ${file}`, partition);
    const html = new Uint8Array(readFileSync(file));
    expect([html.length, sha256Of(html)]).toEqual([size, digest]);
  }
});

function slice(file: string, { start, length }: { start: number; length: number }): Buffer {
  const handle = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(handle, bytes, 0, length, start));
  } finally {
    closeSync(handle);
  }
}

function run(command: string, ...args: string[]): string {
  return execFileSync(`/sbin/${command}`, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
