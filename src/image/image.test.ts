import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import {
  BaseImageError,
  BundleError,
  ManifestError,
  OnePieceBaseError,
  PartitionFullError,
} from "../errors.ts";
import { WINDOW, windowsOf, type Manifest } from "../release/manifest.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import { sealSettings } from "../settings/seal.ts";
import { formatSettings, readSettings, settingsFile } from "../settings/settings.ts";
import { menuSplash, splash } from "../splash/splash.ts";
import { gather, pattern } from "../testing/bytes.ts";
import { sha256Of, testBase } from "../testing/test-base.ts";
import { memorySeed } from "../testing/memory-seed.ts";
import { run } from "../testing/tools.ts";
import { openImage, openPartition, type Base } from "./image.ts";
import { MOST_PIECES, parseListing } from "./os-json.ts";
import { foldersOf, type PartitionContents, roomBeside } from "./plan.ts";
import { RetryPolicy } from "../fetch/retry.ts";

const { manifest, image } = await testBase();
const never = new AbortController().signal;
const piece = { name: "notepat", html: pattern(300_000) };
const contents: PartitionContents = { pieces: [piece] };
const { start, length } = manifest.piecePartition;

const folder = mkdtempSync(path.join(tmpdir(), "os-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("an image is the base with the piece in its partition, and has the SHA-256 announced", async () => {
  const { info, chunks } = await openImage(base(), contents, never);
  const made = await join(chunks(new BufferPool(WINDOW)));
  expect(made.length).toBe(info.size);
  expect(sha256Of(made)).toBe(info.sha256);
  expect(made.subarray(0, start).equals(image.subarray(0, start))).toBe(true);
  expect(made.subarray(start + length).equals(image.subarray(start + length))).toBe(true);
  expect(info.piece).toEqual({ name: "notepat", size: 300_000, sha256: sha256Of(piece.html) });

  const disk = path.join(folder, "disk.img");
  writeFileSync(disk, made);
  expect(run("sgdisk", "-v", disk)).toMatch(/No problems found/);
  const partition = path.join(folder, "partition.img");
  writeFileSync(partition, made.subarray(start, start + length));
  run("e2fsck", "-fn", partition);
  expect(dump(partition, "piece.html").equals(piece.html)).toBe(true);
  expect(JSON.parse(dump(partition, "os.json").toString())).toEqual({
    format: 1,
    piece: "notepat",
    size: 300_000,
    sha256: sha256Of(piece.html),
    base: "test-os test 2026.1.1",
    allow: [],
  });
  expect(dump(partition, "splash.png").equals(await splash("notepat"))).toBe(true);
});

test("nobody but root can make, rename or remove a name on the piece partition", async () => {
  const made = await join((await openImage(base(), contents, never)).chunks(new BufferPool(WINDOW)));
  const partition = path.join(folder, "root.img");
  writeFileSync(partition, made.subarray(start, start + length));
  expect(run("debugfs", "-R", "stat /", partition)).toMatch(/Mode: +0755 [^]*User: +0 +Group: +0 /);
  for (const file of ["piece.html", "os.json", "splash.png"]) {
    expect(run("debugfs", "-R", `stat /${file}`, partition)).toMatch(/Mode: +0644 [^]*User: +0 +Group: +0 /);
  }
});

test("the same request gives the same bytes, twice from one plan and from two", async () => {
  const first = await openImage(base(), contents, never);
  const second = await openImage(base(), contents, never);
  const made = await join(first.chunks(new BufferPool(WINDOW)));
  expect((await join(first.chunks(new BufferPool(WINDOW)))).equals(made)).toBe(true);
  expect((await join(second.chunks(new BufferPool(WINDOW)))).equals(made)).toBe(true);
});

test("a splash of one's own takes the place of the one that is made", async () => {
  const own = pattern(5_000, 3);
  const made = await join(
    (await openImage(base(), { ...contents, splash: own }, never)).chunks(new BufferPool(WINDOW)),
  );
  const partition = path.join(folder, "own.img");
  writeFileSync(partition, made.subarray(start, start + length));
  expect(dump(partition, "splash.png").equals(own)).toBe(true);
});

const frog = { name: "@jeffrey/frog", html: pattern(200_000, 4), allow: ["camera" as const] };
const several: PartitionContents = { pieces: [piece, frog] };

test("several pieces lie in folders of their own, and os.json says which start", async () => {
  const { info, chunks } = await openImage(base(), several, never);
  expect(info).toMatchObject({
    fileName: "notepat+1-os.iso",
    pieces: [{ name: "notepat" }, { name: "@jeffrey/frog" }],
    allow: ["camera"],
  });
  expect(info.start).toBeUndefined(); // the menu
  const partition = path.join(folder, "several.img");
  const made = await join(chunks(new BufferPool(WINDOW)));
  expect(sha256Of(made)).toBe(info.sha256);
  writeFileSync(partition, made.subarray(start, start + length));
  run("e2fsck", "-fn", partition);
  expect(dump(partition, "pieces/notepat/piece.html").equals(piece.html)).toBe(true);
  expect(dump(partition, "pieces/jeffrey-frog/piece.html").equals(frog.html)).toBe(true);
  expect(dump(partition, "pieces/jeffrey-frog/splash.png").equals(await splash(frog.name))).toBe(true);
  expect(dump(partition, "splash.png").equals(await menuSplash(["notepat", "@jeffrey/frog"]))).toBe(true);
  expect(run("debugfs", "-R", "stat /pieces/notepat", partition)).toMatch(
    /Mode: +0755 [^]*User: +0 +Group: +0 /,
  );
  const listing = parseListing(dump(partition, "os.json").toString());
  expect(listing).toEqual({
    start: "menu",
    base: "test-os test 2026.1.1",
    pieces: [
      {
        folder: "notepat",
        piece: "notepat",
        size: 300_000,
        sha256: sha256Of(piece.html),
        allow: [],
        unknown: [],
      },
      {
        folder: "jeffrey-frog",
        piece: frog.name,
        size: 200_000,
        sha256: sha256Of(frog.html),
        allow: ["camera"],
        unknown: [],
      },
    ],
  });
});

test("of several pieces one can start, with its own splash", async () => {
  const { info, chunks } = await openImage(base(), { ...several, start: 1 }, never);
  expect(info.start).toBe("@jeffrey/frog");
  const partition = path.join(folder, "start.img");
  writeFileSync(partition, (await join(chunks(new BufferPool(WINDOW)))).subarray(start, start + length));
  expect(dump(partition, "splash.png").equals(await splash(frog.name))).toBe(true);
  expect(parseListing(dump(partition, "os.json").toString()).start).toBe("jeffrey-frog");
  await expect(openImage(base(), { ...several, start: 2 }, never)).rejects.toThrow(RangeError);
});

test("folders are words, no two alike, and none is the menu", () => {
  const names = ["$cow", "cow", "Cow", "@a/cow", "menu", "$$$", "@"];
  expect(foldersOf(names)).toEqual(["cow", "cow-2", "cow-3", "a-cow", "menu-2", "piece", "piece-2"]);
  expect(foldersOf(["a", "a", "a-2"])).toEqual(["a", "a-2", "a-2-2"]);
});

test("the room beside pieces is exact, and the piece that is one too many is named", async () => {
  const left = await roomBeside(manifest, several);
  const filler = (bytes: number): PartitionContents => {
    return { pieces: [piece, frog, { name: "filler", html: pattern(bytes, 5) }] };
  };
  // Its splash, a folder and extents take some of it
  let [fits, tooLarge] = [0, left + 1];
  while (tooLarge - fits > 1) {
    const middle = Math.floor((fits + tooLarge) / 2);
    const room = await roomBeside(manifest, filler(middle)).catch((error: unknown) => error);
    if (typeof room === "number") fits = middle;
    else tooLarge = middle;
  }
  expect(left - fits).toBeLessThan(32 * 1024);
  const { chunks } = await openImage(base(), filler(fits), never);
  const partition = path.join(folder, "full.img");
  writeFileSync(partition, (await join(chunks(new BufferPool(WINDOW)))).subarray(start, start + length));
  run("e2fsck", "-fn", partition);
  const { pieces } = filler(fits + 1);
  const error = await openImage(base(), { pieces }, never).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(PartitionFullError);
  expect((error as Error).message).toMatch(
    /^There is no room for filler beside notepat and @jeffrey\/frog: it has \d+ bytes, and \d+ are left of the partition's 8388608$/,
  );
  const [one, two, three] = pieces;
  await expect(openImage(base(), { pieces: [three!, one, two!] }, never)).rejects.toThrow(
    /no room for @jeffrey\/frog beside filler and notepat: it has 200000 bytes/,
  );
  const alone = { name: "huge", html: new Uint8Array(length) };
  await expect(roomBeside(manifest, { pieces: [alone, piece] })).rejects.toThrow(
    "no room for huge: it has 8388608 bytes, and the partition 8388608",
  );
});

test("a base that starts one piece gets one", async () => {
  const { osJson: _, ...old } = manifest;
  await expect(openImage(base(old), several, never)).rejects.toThrow(OnePieceBaseError);
  await expect(openImage(base(old), contents, never)).resolves.toHaveProperty("info.piece.name", "notepat");
});

test("no stick offers more pieces than a machine takes", async () => {
  const all = Array.from({ length: MOST_PIECES + 1 }, (_, i) => ({ name: `n${i}`, html: pattern(10) }));
  const [first, ...rest] = all;
  await expect(roomBeside(manifest, { pieces: [first!, ...rest] })).rejects.toThrow("n32 is one too many");
  await expect(roomBeside(manifest, { pieces: [first!, ...rest.slice(1)] })).resolves.toBeGreaterThan(0);
});

test("another piece gives another file system UUID", async () => {
  const uuids = [piece, { ...piece, html: pattern(300_000, 9) }].map(async (each) => {
    const made = await join(
      (await openImage(base(), { pieces: [each] }, never)).chunks(new BufferPool(WINDOW)),
    );
    return made.subarray(start + 1024 + 0x68, start + 1024 + 0x78).toString("hex"); // s_uuid
  });
  const [one, other] = await Promise.all(uuids);
  expect(one).not.toBe(other);
});

/** The piece partition of an image with settings, the image's SHA-256, and the settings. */
async function withPassphrase(passphrase: string, random?: string) {
  const wifi = [{ ssid: "at home", security: "wpa3", passphrase }];
  const settings = await sealSettings(readSettings({ wifi, ...(random && { random }) }).settings);
  const { info, chunks } = await openImage(base(), { ...contents, settings }, never);
  const made = await join(chunks(new BufferPool(WINDOW)));
  return { partition: made.subarray(start, start + length), sha256: info.sha256, settings };
}

test("nothing in an image but its settings.json says which passphrase is in it", async () => {
  const random = "00112233445566778899aabbccddeeff";
  const [one, other] = await Promise.all(
    ["correct horse", "battery stapl"].map(async (guess) => await withPassphrase(guess, random)),
  );
  const text = Buffer.from(formatSettings(one!.settings));
  const at = one!.partition.indexOf(text);
  expect(at).toBeGreaterThan(0);
  one!.partition.fill(0, at, at + text.length);
  other!.partition.fill(0, at, at + text.length);
  expect(one!.partition.equals(other!.partition)).toBe(true); // also their UUIDs
  expect(one!.sha256).not.toBe(other!.sha256);
});

test("the same settings in two images are told apart by nobody, and their sticks by everybody", async () => {
  const [one, other] = await Promise.all([withPassphrase("correct horse"), withPassphrase("correct horse")]);
  expect(one.sha256).not.toBe(other.sha256);
  const uuid = ({ partition }: typeof one) => partition.subarray(1024 + 0x68, 1024 + 0x78).toString("hex");
  expect(uuid(one)).not.toBe(uuid(other));
  const again = await withPassphrase("correct horse", one.settings.random);
  expect(again.sha256).toBe(one.sha256);
});

test("settings are root's, and sound", async () => {
  const { partition, settings } = await withPassphrase("correct horse");
  const file = path.join(folder, "settings.img");
  writeFileSync(file, partition);
  run("e2fsck", "-fn", file);
  expect(run("debugfs", "-R", "stat /settings.json", file)).toMatch(/Mode: +0600 [^]*User: +0 +Group: +0 /);
  expect(dump(file, "settings.json").equals(settingsFile(settings))).toBe(true);
});

test.each([
  ["one piece", contents],
  ["several", several],
])("what a machine overwrites is there, blank, once for %s", async (_, request) => {
  const made = await join((await openImage(base(), request, never)).chunks(new BufferPool(WINDOW)));
  const file = path.join(folder, "blank.img");
  writeFileSync(file, made.subarray(start, start + length));
  run("e2fsck", "-fn", file);
  for (const [name, size, mode] of [
    ["settings.json", 16_384, "0600"],
    ["kiosk.log", 262_144, "0644"],
    ["kiosk.log.1", 262_144, "0644"],
  ] as const) {
    const bytes = dump(file, name);
    expect([name, bytes.length, bytes.toString().trim()]).toEqual([name, size, ""]);
    const stat = run("debugfs", "-R", `stat /${name}`, file);
    expect(stat).toMatch(new RegExp(`Mode: +${mode} [^]*User: +0 +Group: +0 `));
    expect(stat).toMatch(/^EXTENTS:\n\(0-\d+\):/m); // blocks of its own, without a hole
  }
});

test("chunks can be given away", async () => {
  const { chunks, info } = await openImage(base(), contents, never);
  let seen = 0;
  for await (const chunk of chunks(new BufferPool(WINDOW))) {
    expect(chunk.length).toBeLessThanOrEqual(WINDOW);
    seen += structuredClone(chunk, { transfer: [chunk.buffer] }).length;
    expect(chunk.length).toBe(0);
  }
  expect(seen).toBe(info.size);
});

test("a piece that leaves no room is refused before anything is made", async () => {
  const large = { ...piece, html: new Uint8Array(length) };
  const error = await openImage(base(), { pieces: [large] }, never).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(BundleError);
  expect((error as Error).message).toMatch(/notepat does not fit its partition of 8388608 bytes/);
});

const elsewhere = { ...manifest.piecePartition, start: start + WINDOW, length: WINDOW };
test.each<[string, Manifest, RegExp]>([
  ["place", { ...manifest, piecePartition: elsewhere }, /FEDAC-PIECE is 8388608 bytes at 16777216, and/],
  ["label", { ...manifest, piecePartition: { ...manifest.piecePartition, label: "X" } }, /0 partitions are/],
  [
    "state",
    { ...manifest, sha256State: { ...manifest.sha256State, words: "0".repeat(64) } },
    /another image/,
  ],
  ["digest", { ...manifest, image: { ...manifest.image, sha256: "0".repeat(64) } }, /another image/],
])("a manifest with a wrong %s is refused", async (_, wrong, message) => {
  const error = await openImage(base(wrong), contents, never).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ManifestError);
  expect((error as Error).message).toMatch(message);
});

test("a base that is not the manifest's never becomes an image", async () => {
  const last = WINDOW * (manifest.digests.length - 1);
  await fc.assert(
    fc.asyncProperty(fc.nat(last - 1), async (at) => {
      fc.pre(manifest.digests[Math.floor(at / WINDOW)] !== "zeros"); // such a window is never read
      await expect(imageOn(flipped(at))).rejects.toThrow(BaseImageError);
    }),
    { numRuns: 20 },
  );
});

test("the backup table is made, not fetched, when it is what follows from the primary one", async () => {
  const right = await imageOn(image);
  expect((await imageOn(flipped(image.length - 1))).equals(right)).toBe(true);
  const { info } = await openImage(base(), contents, never);
  expect(info.download).toBe(3 * WINDOW);
});

function flipped(at: number): Bytes {
  const wrong = image.slice();
  wrong[at]! ^= 0x80;
  return wrong;
}

async function imageOn(bytes: Bytes): Promise<Buffer<ArrayBuffer>> {
  return await join((await openImage(base(manifest, bytes), contents, never)).chunks(new BufferPool(WINDOW)));
}

function base(its: Manifest = manifest, bytes: Bytes = image): Base {
  const seeds = [memorySeed(windowsOf(its), bytes)];
  return { manifest: its, sources: { servers: [], retry: new RetryPolicy(), seeds } };
}

function dump(partition: string, file: string): Buffer {
  const out = path.join(folder, file.replaceAll("/", "_"));
  run("debugfs", "-R", `dump ${file} ${out}`, partition);
  return readFileSync(out);
}

async function join(chunks: AsyncIterable<Bytes>): Promise<Buffer<ArrayBuffer>> {
  return Buffer.concat(await gather(chunks));
}

test("the piece partition alone is that of the whole image, to the byte, and has the SHA-256 announced", async () => {
  const whole = await openImage(base(), contents, never);
  const alone = await openPartition(manifest, contents);
  const made = await join(alone.chunks(new BufferPool(WINDOW)));
  const image2 = await join(whole.chunks(new BufferPool(WINDOW)));
  expect(made.equals(image2.subarray(start, start + length))).toBe(true);
  expect(alone.info).toEqual({
    ...whole.info,
    only: "piece",
    fileName: "notepat-piece.img",
    size: length,
    sha256: sha256Of(new Uint8Array(made)),
    download: 0,
    here: 0,
  });
});
