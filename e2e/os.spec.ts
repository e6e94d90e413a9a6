import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  createReadStream,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { interact } from "balena-image-fs";
import { bootImage } from "../base/qemu/boot.ts";
import { parseLatest } from "../src/release/latest.ts";
import { parseManifest, type Manifest } from "../src/release/manifest.ts";
import { splash } from "../src/splash/splash.ts";
import { expect, says, startBuild, test, type } from "./site.ts";

const folder = mkdtempSync(path.join(tmpdir(), "os-e2e-"));
const out = path.join(import.meta.dirname, "out");
test.afterAll(() => rmSync(folder, { recursive: true }));

test("from the prompt to a booting stick", async ({ page, site }) => {
  test.setTimeout(600_000);
  const { manifest, base } = await published();
  const bundle = await (await fetch(`${site.oven}/pack-html?piece=notepat`)).bytes();

  await page.goto(site.url);
  const downloading = page.waitForEvent("download");
  await type(page, "os notepat");
  await expect.poll(() => says(page)).toContain("sha256");
  const promised = /sha256 ((?:[0-9a-f]+ ?)+)/.exec(await says(page))?.[1]?.replaceAll(" ", "");
  await startBuild(page);
  const download = await downloading;
  expect(download.suggestedFilename()).toBe("notepat-os.iso");
  const image = path.join(folder, "notepat-os.iso");
  await download.saveAs(image);
  await expect.poll(() => says(page)).toContain("notepat-os.iso is in your downloads");
  await page.screenshot({ path: path.join(out, "done.png") });

  expect(promised).toMatch(/^[0-9a-f]{64}$/);
  expect(await sha256(image)).toBe(promised);
  expect(run("sgdisk", "-v", image)).toContain("No problems found");

  const { start, length } = manifest.piecePartition;
  const partition = path.join(folder, "partition.img");
  writeFileSync(partition, slice(image, start, length));
  expect(run("e2fsck", "-fn", partition)).not.toMatch(/fix\?|WARNING/i);
  run("debugfs", "-R", `dump piece.html ${folder}/piece.html`, partition);
  expect(readFileSync(`${folder}/piece.html`).equals(bundle)).toBe(true);
  run("debugfs", "-R", `dump splash.png ${folder}/splash.png`, partition);
  expect(readFileSync(`${folder}/splash.png`).equals(await splash("notepat"))).toBe(true);
  expect(run("dumpe2fs", "-h", partition)).toMatch(/volume name:\s+FEDAC-PIECE/);

  // what Etcher looks into images with
  const seen = await interact(image, 3, (fs) => promisify(fs.readFile)("/piece.html"));
  expect(Buffer.from(seen).equals(bundle)).toBe(true);

  const end = start + length;
  expect(slice(image, 0, start).equals(slice(base, 0, start))).toBe(true);
  expect(slice(image, end, manifest.image.size).equals(slice(base, end, manifest.image.size))).toBe(true);

  const { line } = await bootImage({
    image,
    until: /^(?:PIECE|NOPIECE) .*$/m,
    timeoutSeconds: 400,
    screenshot: path.join(out, "booted.png"),
  });
  const hash = createHash("sha256").update(bundle).digest("hex");
  expect(line.trim()).toBe(`PIECE notepat ${hash} ${bundle.length}`);
});

/** The tiny base that `npm start` serves. */
async function published(): Promise<{ manifest: Manifest; base: string }> {
  const cdn = path.join(import.meta.dirname, "../base/out/cdn");
  const { releases } = parseLatest(JSON.parse(readFileSync(`${cdn}/latest.json`, "utf8")));
  const release = releases.find(({ flavor, arch }) => flavor === "tiny" && arch === "x86_64");
  const manifestFile = path.join(cdn, release?.manifest ?? "");
  const manifest = parseManifest(JSON.parse(readFileSync(manifestFile, "utf8")));
  return { manifest, base: path.join(path.dirname(manifestFile), manifest.image.url) };
}

function slice(file: string, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(openSync(file, "r"), bytes, 0, length, start));
}

async function sha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
