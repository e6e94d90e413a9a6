import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BufferPool } from "../bytes/buffer-pool.ts";
import { WINDOW, windowsOf, type Manifest } from "../release/manifest.ts";
import { contentLength } from "../release/windows.ts";
import { MemoryStorage } from "../testing/memory-opfs.ts";
import { joined } from "../testing/bytes.ts";
import { testBase } from "../testing/test-base.ts";
import { Kept } from "./kept.ts";
import { clearKept, keptBytes, keptReleases, keptSizes } from "./opfs.ts";

const { manifest, image } = await testBase();
/** The room that keeping it takes: what is not zeros, and what is left to the rest of the site. */
const NEEDED = contentLength(windowsOf(manifest)) + 64 * 1024 * 1024;
const own = `os-base/${manifest.image.sha256}`;
const windowAt = (index: number) => image.slice(index * WINDOW, (index + 1) * WINDOW);
let storage = new MemoryStorage();

beforeEach(() => {
  storage = new MemoryStorage();
  vi.stubGlobal("navigator", { storage });
  vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function release(its: Manifest = manifest) {
  return { manifest: its, bytes: bytesOf(JSON.stringify(its)), signature: "signed", urls: [] };
}

function bytesOf(text: string) {
  return new TextEncoder().encode(text);
}

/** An older release of the same image, and what is kept of it: all but the last window. */
const older: Manifest = {
  ...manifest,
  version: "2025.1.1",
  image: { ...manifest.image, sha256: "0123".repeat(16) },
};
const olderWindows = joined([0, 1, 3].map(windowAt));

/** The folders in which there is anything. */
function folders(): Set<string> {
  return new Set(Object.keys(storage.sizes()).map((path) => path.replace(/\/[^/]*$/, "")));
}

/** Another release, kept: its folder is called `name`. */
async function putRelease(name: string, content: string, windows = new Uint8Array(1000)): Promise<void> {
  await storage.put(`os-base/${name}/windows`, windows);
  await storage.put(`os-base/${name}/manifest.json`, content);
  await storage.put(`os-base/${name}/manifest.json.minisig`, "signed");
}

test("windows that are kept are there the next time", async () => {
  const first = await Kept.open(release());
  expect(first?.has(0)).toBe(false);
  for (const index of [0, 1, 3]) first?.add(index, windowAt(index)); // 2 is zeros
  expect([first?.has(3), first?.has(2), first?.bytes]).toEqual([true, false, 3 * WINDOW]);
  first?.close();
  expect(await keptBytes()).toBe(3 * WINDOW);
  expect((await keptReleases()).map(({ signature, size }) => [signature, size])).toEqual([
    ["signed", 3 * WINDOW],
  ]);

  const second = await Kept.open(release());
  const read = await second?.read(3, new BufferPool(WINDOW));
  expect(read && Buffer.compare(read, windowAt(3))).toBe(0);
  await second?.remove();
  expect(storage.sizes()).toEqual({});
});

test("a window after a gap is not kept", async () => {
  const kept = await Kept.open(release());
  kept?.add(1, windowAt(1));
  expect([kept?.has(1), kept?.bytes]).toEqual([false, 0]);
});

test("what another build has open is not opened, and stays", async () => {
  const kept = await Kept.open(release());
  kept?.add(0, windowAt(0));
  expect(await Kept.open(release())).toBeUndefined();
  expect(await clearKept()).toBe(0);
  kept?.close();
  expect(await clearKept()).toBe(WINDOW);
  expect(storage.sizes()).toEqual({});
});

test("older releases of the same channel go but for the fullest, those of others stay", async () => {
  await putRelease("older", JSON.stringify({ ...manifest, version: "2025.1.1" }));
  await putRelease("fuller", JSON.stringify({ ...manifest, version: "2024.1.1" }), new Uint8Array(1001));
  await putRelease("empty", JSON.stringify({ ...manifest, version: "2023.1.1" }), new Uint8Array(0));
  await putRelease("other-flavor", JSON.stringify({ ...manifest, flavor: "kiosk" }));
  await putRelease("other-arch", JSON.stringify({ ...manifest, arch: "aarch64" }));
  const kept = await Kept.open(release());
  expect(kept?.older?.folder).toBe("fuller");
  const all = [own, "os-base/fuller", "os-base/other-flavor", "os-base/other-arch"];
  expect(folders()).toEqual(new Set(all));
});

test("an older release is there, in this tab and after it was closed, until the newer is whole", async () => {
  await putRelease("older", JSON.stringify(older), olderWindows);
  for (const index of [0, 1]) {
    const kept = await Kept.open(release());
    expect(kept?.older?.sha256).toBe(older.image.sha256);
    kept?.add(index, windowAt(index));
    kept?.close();
  }
  const kept = await Kept.open(release());
  kept?.add(3, windowAt(3)); // all but the last, which is made
  await expect.poll(folders).toEqual(new Set([own]));
  expect(kept?.older).toBeUndefined();
  kept?.close();
  await putRelease("older", JSON.stringify(older), olderWindows); // as when the page was closed just then
  expect((await Kept.open(release()))?.older).toBeUndefined();
  expect(folders()).toEqual(new Set([own]));
});

test("an older release gives the bytes of its image, as far as they are there", async () => {
  await putRelease("older", JSON.stringify(older), olderWindows.slice(0, -10));
  const its = (await Kept.open(release()))?.older;
  expect(its?.size).toBe(manifest.image.size);
  const { start, length } = manifest.piecePartition;
  expect(its?.ranges).toEqual([
    { start: 0, length: 3 * WINDOW }, // window 2 is zeros
    { start, length }, // so is the piece partition
  ]);
  const into = new Uint8Array(2 * WINDOW);
  expect(its?.read(WINDOW - 1000, into)).toBe(true);
  expect(Buffer.compare(into, image.subarray(WINDOW - 1000, 3 * WINDOW - 1000))).toBe(0);
  expect(its?.read(3 * WINDOW, into)).toBe(false);
  its?.close();
  expect(its?.read(0, into)).toBe(false);
});

test("an older release that another tab has open is not used, and stays", async () => {
  await putRelease("older", JSON.stringify(older), olderWindows);
  const first = await Kept.open(release());
  const other = { ...manifest, image: { ...manifest.image, sha256: "ab".repeat(32) } };
  const second = await Kept.open(release(other));
  expect([first?.older?.folder, second?.isOpen, second?.older]).toEqual(["older", true, undefined]);
  expect(folders()).toContain("os-base/older");
});

test("when nothing is to be kept, the older release goes as well", async () => {
  await putRelease("older", JSON.stringify(older), olderWindows);
  await (await Kept.open(release()))?.remove();
  expect(storage.sizes()).toEqual({});
});

test("when the newer cannot be written, the older is there for this build, and stays", async () => {
  await putRelease("older", JSON.stringify(older), olderWindows);
  const kept = await Kept.open(release());
  kept?.add(0, undefined as never); // writing throws
  expect([kept?.isOpen, kept?.older?.read(0, new Uint8Array(10))]).toEqual([false, true]);
  await expect.poll(folders).toEqual(new Set(["os-base/older"]));
  kept?.close();
  expect(await keptBytes()).toBe(olderWindows.length);
});

test.each([
  ["nothing", ""],
  ["half a manifest", JSON.stringify(manifest).slice(0, 200)],
  ["null", "null"],
  ["no manifest", JSON.stringify({ flavor: ["test"], arch: {} })],
])("a release that was left with %s does not keep others from being kept, and goes", async (_, content) => {
  await putRelease("torn", content);
  const kept = await Kept.open(release());
  expect(kept?.isOpen).toBe(true);
  expect(Object.keys(storage.sizes()).filter((path) => path.startsWith("os-base/torn"))).toEqual([]);
});

test.each(["windows", "manifest.json", "manifest.json.minisig"])(
  "a release without its %s goes",
  async (name) => {
    await putRelease("torn", JSON.stringify({ ...manifest, flavor: "kiosk" }));
    await (
      await (await storage.getDirectory()).getDirectoryHandle("os-base")
    )
      .getDirectoryHandle("torn")
      .then((folder) => folder.removeEntry(name));
    expect(await Kept.open(release())).toBeDefined();
    expect(Object.keys(storage.sizes()).filter((path) => path.startsWith("os-base/torn"))).toEqual([]);
  },
);

test.each([
  ["an older release stays where there is room for both", NEEDED, "both"],
  ["what it replaces makes room for a release", NEEDED - 1, true],
  ["what it replaces makes just enough room", NEEDED - 1000, true],
  ["where that is not enough, all stays as it was", NEEDED - 1001, false],
])("%s", async (_, free, isKept) => {
  await putRelease("older", JSON.stringify({ ...manifest, version: "2025.1.1" }));
  vi.spyOn(storage, "estimate").mockResolvedValue({ quota: free + 1000, usage: 1000 });
  expect((await Kept.open(release())) !== undefined).toBe(isKept !== false);
  const there = [...(isKept === true ? [] : ["older"]), ...(isKept ? [manifest.image.sha256] : [])];
  expect([...(await keptSizes()).keys()]).toEqual(there);
});

test("how much is kept is told without reading a file", async () => {
  await putRelease("one", "x");
  await putRelease("other", "x");
  await storage.put("os-base/unfinished/windows", new Uint8Array(5));
  await storage.put("os-base/empty/manifest.json", "x");
  expect(await keptBytes()).toBe(2005);
  expect(storage.reads).toEqual([]);
});

test("where nothing is kept, or can be, nothing is said to be", async () => {
  expect([await keptBytes(), await clearKept(), await keptReleases()]).toEqual([0, 0, []]);
  const denied = () => Promise.reject(new DOMException("not in a private window", "SecurityError"));
  vi.stubGlobal("navigator", { storage: { getDirectory: denied } });
  expect([await keptBytes(), await clearKept(), await keptReleases()]).toEqual([0, 0, []]);
  expect(await Kept.open(release())).toBeUndefined();
});
