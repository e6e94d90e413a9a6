import { open } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { copyList } from "../base/publish/copies.ts";
import { digestOf } from "../src/release/windows.ts";
import { WINDOW } from "../src/release/manifest.ts";
import { parseCopies } from "../src/release/copies.ts";

// npx tsx bench/delta.ts OLDER NEWER: of two images, or two file systems of theirs, what somebody who has the older one
// fetches of the newer one: in whole windows, and with the list of copies that base/publish makes.

/** The digests of a file's windows, and its size. */
async function windowsIn(path: string): Promise<{ digests: string[]; size: number }> {
  const file = await open(path);
  const { size } = await file.stat();
  const digests: string[] = [];
  for (let at = 0; at < size; at += WINDOW) {
    const bytes = new Uint8Array(Math.min(WINDOW, size - at));
    await file.read(bytes, 0, bytes.length, at);
    digests.push(await digestOf(bytes));
  }
  await file.close();
  return { digests, size };
}

async function main([older, newer]: string[]): Promise<void> {
  if (older === undefined || newer === undefined)
    throw new Error("usage: npx tsx bench/delta.ts OLDER NEWER");
  const [before, after] = [await windowsIn(older), await windowsIn(newer)];
  const isNew = after.digests.filter((digest, index) => digest !== before.digests[index]).length;
  const began = process.cpuUsage();
  const { packed, left } = await copyList(older, newer);
  const { user, system } = process.cpuUsage(began);
  const list = new Uint8Array(gunzipSync(packed));
  const copies = parseCopies(list, { size: after.size, olderSize: before.size });
  const gaps = copies.filter(({ start }, i) => {
    const end = i === 0 ? 0 : copies[i - 1]!.start + copies[i - 1]!.length;
    return start > end;
  }).length;
  const percent = (part: number, all: number) => `${((100 * part) / all).toFixed(1)} %`;
  console.log(
    `windows that are new: ${isNew} of ${after.digests.length} (${percent(isNew, after.digests.length)})`,
  );
  console.log(
    `bytes that are fetched: ${(left / 1e6).toFixed(1)} of ${(after.size / 1e6).toFixed(1)} MB (${percent(left, after.size)})`,
  );
  console.log(`list: ${packed.length} bytes, ${copies.length} copies, ${gaps} parts to fetch before them`);
  console.log(`made in ${((user + system) / 1e6).toFixed(1)} CPU-s`);
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2));
