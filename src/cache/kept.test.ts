import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BufferPool } from "../bytes/buffer-pool.ts";
import { WINDOW, windowsOf, type Manifest } from "../release/manifest.ts";
import { contentLength } from "../release/windows.ts";
import { MemoryStorage } from "../testing/memory-opfs.ts";
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

/** Another release, kept: its folder is called `name`. */
async function putRelease(name: string, content: string): Promise<void> {
  await storage.put(`os-base/${name}/windows`, new Uint8Array(1000));
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

test("older releases of the same channel go, those of others stay", async () => {
  await putRelease("older", JSON.stringify({ ...manifest, version: "2025.1.1" }));
  await putRelease("other-flavor", JSON.stringify({ ...manifest, flavor: "kiosk" }));
  await putRelease("other-arch", JSON.stringify({ ...manifest, arch: "aarch64" }));
  expect(await Kept.open(release())).toBeDefined();
  const folders = new Set(Object.keys(storage.sizes()).map((path) => path.replace(/\/[^/]*$/, "")));
  expect(folders).toEqual(new Set([own, "os-base/other-flavor", "os-base/other-arch"]));
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
  ["what it replaces makes room for a release", NEEDED - 1000, true],
  ["where that is not enough, all stays as it was", NEEDED - 1001, false],
])("%s", async (_, free, isKept) => {
  await putRelease("older", JSON.stringify({ ...manifest, version: "2025.1.1" }));
  vi.spyOn(storage, "estimate").mockResolvedValue({ quota: free + 1000, usage: 1000 });
  expect((await Kept.open(release())) !== undefined).toBe(isKept);
  expect([...(await keptSizes()).keys()]).toEqual([isKept ? manifest.image.sha256 : "older"]);
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
