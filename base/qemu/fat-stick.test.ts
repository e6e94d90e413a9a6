import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { imageSeed } from "../../bin/files.ts";
import { diskFolder } from "../../bin/stick-folder.ts";
import { RetryPolicy } from "../../src/fetch/retry.ts";
import { blankFiles } from "../../src/image/blank-files.ts";
import { pieceFiles } from "../../src/image/plan.ts";
import { windowsOf } from "../../src/release/manifest.ts";
import { install } from "../../src/stick/install.ts";
import { pieceFolder, PIECES, SYSTEMS } from "../../src/stick/layout.ts";
import type { StickBase } from "../../src/stick/plan.ts";
import { run } from "../../src/testing/tools.ts";
import { ALL_WAYS, ANSWER, bootImage } from "./boot.ts";
import { withMachine } from "./machine.ts";
import { makeFatStick, type FatLayout } from "./fat-stick.ts";
import { BUILD_MS, buildTiny } from "./tiny.ts";

// A stick with a file system of its own, started from the files that src/stick has put on it. They are written to a
// folder and copied onto FAT by mtools, since not every kernel that runs this has FAT.

const BOOT_SECONDS = 400;
const BOOT_MS = 420_000;

const work = fs.mkdtempSync(join(tmpdir(), "fat-stick-"));
let base: StickBase;
let image: string;

beforeAll(() => {
  const { manifestFile, manifest, image: built } = buildTiny();
  const signature = fs.readFileSync(`${manifestFile}.minisig`, "utf8");
  base = { manifest, bytes: new Uint8Array(fs.readFileSync(manifestFile)), signature };
  image = built;
}, BUILD_MS);
afterAll(() => fs.rmSync(work, { recursive: true }));

test(
  "from the usual layout, beside another stick with the same serial number",
  { timeout: BOOT_MS },
  async () => {
    const { folder, line } = await installed("frog");
    const { folder: other } = await installed("other");
    const disk = onto("mbr", folder);
    const screenshot = join(work, "screen.png");
    const options = {
      image: disk,
      extraDisks: [onto("mbr", other)],
      until: ANSWER,
      timeoutSeconds: BOOT_SECONDS,
      screenshot,
    };
    expect((await bootImage(options)).line).toBe(line);
  },
);

test.runIf(ALL_WAYS)(
  "from a partition table as Windows makes it, with Secure Boot",
  { timeout: BOOT_MS },
  async () => {
    const { folder, line } = await installed("secure");
    const options = {
      image: onto("gpt", folder),
      secureBoot: true,
      until: ANSWER,
      timeoutSeconds: BOOT_SECONDS,
    };
    expect((await bootImage(options)).line).toBe(line);
  },
);

test.runIf(ALL_WAYS)(
  "from a stick without a partition table, whose piece is gone",
  { timeout: BOOT_MS },
  async () => {
    const { folder } = await installed("gone");
    fs.rmSync(join(folder, PIECES), { recursive: true });
    const options = { image: onto("none", folder), until: ANSWER, timeoutSeconds: BOOT_SECONDS };
    expect((await bootImage(options)).line).toBe(
      "NOPIECE no-folder the piece that is to start is not on this stick",
    );
  },
);

test.runIf(ALL_WAYS)(
  "when its root is cut off, the screen and the line say so, and a whole one in its place is started from",
  { timeout: BOOT_MS },
  async () => {
    const { folder, line } = await installed("cut");
    const whole = join(work, "whole.img");
    fs.renameSync(onto("mbr", folder), whole);
    const systems = join(folder, SYSTEMS);
    fs.truncateSync(join(systems, fs.readdirSync(systems)[0]!, "live.img"), 100_000);
    await withMachine({ image: onto("mbr", folder) }, async (machine) => {
      expect(await machine.line(ANSWER, BOOT_SECONDS)).toMatch(/^NOPIECE no-system /);
      await machine.unplug();
      await machine.line(/^NOPIECE no-disk /m, BOOT_SECONDS);
      await machine.plugIn(whole);
      expect(await machine.line(/^PIECE .*/m, BOOT_SECONDS)).toBe(line);
    });
  },
);

/** A folder with the base and a piece on it. */
async function installed(piece: string): Promise<{ folder: string; line: string }> {
  const folder = join(work, piece);
  fs.mkdirSync(folder);
  const html = new TextEncoder().encode(`<!doctype html><title>${piece}</title>\n`);
  const files = await pieceFiles(base.manifest, { pieces: [{ name: piece, html }] });
  const name = pieceFolder(piece, files);
  const seeds = [imageSeed(image, windowsOf(base.manifest))];
  const sources = { servers: [], retry: new RetryPolicy(), seeds };
  const stop = new AbortController().signal;
  await install(
    {
      base,
      sources,
      pieces: [{ piece, folder: name, files, blank: blankFiles(files) }],
      starts: name,
      replace: false,
      readBase: true,
    },
    { folder: diskFolder(folder), keys: [], onProgress: () => {}, stop },
  );
  return { folder, line: `PIECE ${piece} ${files[0].sha256} ${html.length}` };
}

function onto(layout: FatLayout, folder: string): string {
  const disk = `${folder}-${layout}.img`;
  makeFatStick(disk, folder, { layout, mib: 300 });
  if (layout === "none") run("fsck.vfat", "-n", disk);
  return disk;
}
