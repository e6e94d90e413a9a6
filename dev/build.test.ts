import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundlePiece } from "./ship-piece.ts";

// What is copied over AC's system/public/.

const root = resolve(import.meta.dirname, "..");
let dist = "";

beforeAll(async () => {
  dist = await mkdtemp(join(tmpdir(), "dist-"));
  await build({ root, logLevel: "silent", build: { outDir: dist, emptyOutDir: true } });
});

afterAll(() => rm(dist, { recursive: true, force: true }));

test("holds the piece and what it asks for, and nothing of the stage", async () => {
  const names = (await readdir(dist, { recursive: true })).filter((name) => /\.\w+$/.test(name)).toSorted();
  expect(names).toEqual([
    "aesthetic.computer",
    "aesthetic.computer/disks/os.mjs",
    expect.stringMatching(/os\/builds-[\w-]{8}\.js$/),
    expect.stringMatching(/os\/builds-[\w-]{8}\.js\.map$/),
    "aesthetic.computer/os/config.json",
    "aesthetic.computer/os/page.js",
    "aesthetic.computer/os/page.js.map",
    expect.stringMatching(/os\/splash-[\w-]{8}\.js$/),
    expect.stringMatching(/os\/splash-[\w-]{8}\.js\.map$/),
    "aesthetic.computer/os/sw.js",
    expect.stringMatching(/os\/worker-[\w-]{8}\.js$/),
    expect.stringMatching(/os\/worker-[\w-]{8}\.js\.map$/),
  ]);
});

test("the piece is told which build it belongs to", async () => {
  const shipped = await readFile(join(dist, "aesthetic.computer/disks/os.mjs"), "utf8");
  const [, version = ""] = /page\.js\?v=([0-9a-f]{12})"/.exec(shipped) ?? [];
  expect(shipped).toBe((await bundlePiece(version)).code);
});

test("what outlives a visit is in a file of its own, which finds its worker beside it, whatever the path", async () => {
  const os = join(dist, "aesthetic.computer/os");
  const page = await readFile(join(os, "page.js"), "utf8");
  const [, builds = ""] = /from ?[`"']\.\/(builds-[\w-]+\.js)[`"']/.exec(page) ?? [];
  expect(page.match(/\b(?:import|from)\b/g)).toHaveLength(2); // it imports nothing else
  expect(page).not.toContain("new Worker");
  const shared = await readFile(join(os, builds), "utf8");
  const [, worker = ""] = /new URL\(`(worker-[\w-]+\.js)`, ?import\.meta\.url\)/.exec(shared) ?? [];
  expect(await readdir(os)).toContain(worker);
});

test("what stands in public/ is served as it stands", async () => {
  for (const name of await readdir(join(root, "public/aesthetic.computer/os"))) {
    const [here, there] = await Promise.all([
      readFile(join(root, "public/aesthetic.computer/os", name)),
      readFile(join(dist, "aesthetic.computer/os", name)),
    ]);
    expect(there.equals(here), name).toBe(true);
  }
});
