import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { BaseImageError, BundleError, ManifestError } from "../errors.ts";
import { WINDOW, windowsOf, type Manifest } from "../release/manifest.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import { sealSettings } from "../settings/seal.ts";
import { formatSettings, readSettings } from "../settings/settings.ts";
import { splash } from "../splash/splash.ts";
import { gather, pattern } from "../testing/bytes.ts";
import { sha256Of, testBase } from "../testing/test-base.ts";
import { memorySeed } from "../testing/memory-seed.ts";
import { run } from "../testing/tools.ts";
import { openImage, type Base } from "./image.ts";
import { RetryPolicy } from "../fetch/retry.ts";

const { manifest, image } = await testBase();
const never = new AbortController().signal;
const piece = { name: "notepat", html: pattern(300_000) };
const { start, length } = manifest.piecePartition;

const folder = mkdtempSync(path.join(tmpdir(), "os-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("an image is the base with the piece in its partition, and has the SHA-256 announced", async () => {
  const { info, chunks } = await openImage(base(), piece, never);
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
  const made = await join((await openImage(base(), piece, never)).chunks(new BufferPool(WINDOW)));
  const partition = path.join(folder, "root.img");
  writeFileSync(partition, made.subarray(start, start + length));
  expect(run("debugfs", "-R", "stat /", partition)).toMatch(/Mode: +0755 [^]*User: +0 +Group: +0 /);
  for (const file of ["piece.html", "os.json", "splash.png"]) {
    expect(run("debugfs", "-R", `stat /${file}`, partition)).toMatch(/Mode: +0644 [^]*User: +0 +Group: +0 /);
  }
});

test("the same request gives the same bytes, twice from one plan and from two", async () => {
  const first = await openImage(base(), piece, never);
  const second = await openImage(base(), piece, never);
  const made = await join(first.chunks(new BufferPool(WINDOW)));
  expect((await join(first.chunks(new BufferPool(WINDOW)))).equals(made)).toBe(true);
  expect((await join(second.chunks(new BufferPool(WINDOW)))).equals(made)).toBe(true);
});

test("a splash of one's own takes the place of the one that is made", async () => {
  const own = pattern(5_000, 3);
  const made = await join(
    (await openImage(base(), { ...piece, splash: own }, never)).chunks(new BufferPool(WINDOW)),
  );
  const partition = path.join(folder, "own.img");
  writeFileSync(partition, made.subarray(start, start + length));
  expect(dump(partition, "splash.png").equals(own)).toBe(true);
});

test("another piece gives another file system UUID", async () => {
  const uuids = [piece, { ...piece, html: pattern(300_000, 9) }].map(async (each) => {
    const made = await join((await openImage(base(), each, never)).chunks(new BufferPool(WINDOW)));
    return made.subarray(start + 1024 + 0x68, start + 1024 + 0x78).toString("hex"); // s_uuid
  });
  const [one, other] = await Promise.all(uuids);
  expect(one).not.toBe(other);
});

/** The piece partition of an image with settings, the image's SHA-256, and the settings. */
async function withPassphrase(passphrase: string, random?: string) {
  const wifi = [{ ssid: "at home", security: "wpa3", passphrase }];
  const settings = await sealSettings(readSettings({ wifi, ...(random && { random }) }).settings);
  const { info, chunks } = await openImage(base(), { ...piece, settings }, never);
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
  expect(dump(file, "settings.json").toString()).toBe(formatSettings(settings));
});

test("chunks can be given away", async () => {
  const { chunks, info } = await openImage(base(), piece, never);
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
  const error = await openImage(base(), large, never).catch((e: unknown) => e);
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
  const error = await openImage(base(wrong), piece, never).catch((e: unknown) => e);
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
  const { info } = await openImage(base(), piece, never);
  expect(info.download).toBe(3 * WINDOW);
});

function flipped(at: number): Bytes {
  const wrong = image.slice();
  wrong[at]! ^= 0x80;
  return wrong;
}

async function imageOn(bytes: Bytes): Promise<Buffer<ArrayBuffer>> {
  return await join((await openImage(base(manifest, bytes), piece, never)).chunks(new BufferPool(WINDOW)));
}

function base(its: Manifest = manifest, bytes: Bytes = image): Base {
  const seeds = [memorySeed(windowsOf(its), bytes)];
  return { manifest: its, sources: { servers: [], retry: new RetryPolicy(), seeds } };
}

function dump(partition: string, file: string): Buffer {
  const out = path.join(folder, file);
  run("debugfs", "-R", `dump ${file} ${out}`, partition);
  return readFileSync(out);
}

async function join(chunks: AsyncIterable<Bytes>): Promise<Buffer<ArrayBuffer>> {
  return Buffer.concat(await gather(chunks));
}
