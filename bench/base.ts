import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import path from "node:path";
import { createSHA256 } from "hash-wasm";
import { WINDOW, type Manifest } from "../src/release/manifest.ts";
import { registerOf } from "../src/bytes/sha256.ts";
import { pattern } from "../src/testing/bytes.ts";
import { testKey } from "../src/testing/sign.ts";
import { digestOf } from "../src/release/windows.ts";

const MIB = 1024 * 1024;
const PIECE = 20 * MIB;
const VERSION = "2"; // of what is made here

/**
 * A base image of `size` bytes without windows of zeros (but for the piece partition), with its manifest, signed
 * with `testKey()`, in `folder`; made once.
 */
export async function largeBase(folder: string, size: number): Promise<void> {
  const image = path.join(folder, "base.img");
  const manifestFile = path.join(folder, "manifest.json");
  if (existsSync(manifestFile)) {
    const { version } = JSON.parse(readFileSync(manifestFile, "utf8")) as Manifest;
    if (version === VERSION) return;
  }
  mkdirSync(folder, { recursive: true });
  const start = Math.floor((size - PIECE - MIB) / WINDOW) * WINDOW;
  const end = start + PIECE;
  const whole = end + MIB; // as near to `size` as windows allow
  const file = await open(image, "w+");
  await file.truncate(whole);
  const window = pattern(WINDOW);
  for (let at = WINDOW; at < start; at += WINDOW) {
    new DataView(window.buffer).setUint32(0, at / WINDOW);
    await file.write(window, 0, WINDOW, at);
  }
  execFileSync("sgdisk", [
    "--set-alignment=1",
    `--new=1:${WINDOW / 512}:${start / 512 - 1}`,
    "--change-name=1:FEDAC-LIVE",
    `--new=2:${start / 512}:${end / 512 - 1}`,
    "--change-name=2:FEDAC-PIECE",
    image,
  ]);
  const all = createHash("sha256");
  const register = (await createSHA256()).init();
  const digests: string[] = [];
  let words = "";
  for (let at = 0; at < whole; at += WINDOW) {
    if (at === start) words = registerOf(register);
    const { buffer, bytesRead } = await file.read(new Uint8Array(WINDOW), 0, WINDOW, at);
    const bytes = buffer.subarray(0, bytesRead);
    all.update(bytes);
    if (at < start) register.update(bytes);
    const empty = at >= start && at < end;
    digests.push(empty ? "zeros" : await digestOf(bytes));
  }
  await file.close();
  const manifest: Manifest = {
    format: 1,
    name: "bench",
    version: VERSION,
    flavor: "bench",
    arch: "x86_64",
    created: "2026-01-01T00:00:00Z",
    image: { url: "base.img", size: whole, sha256: all.digest("hex") },
    piecePartition: { start, length: PIECE, label: "FEDAC-PIECE" },
    digests,
    files: [],
    sha256State: { words, length: start },
  };
  const text = JSON.stringify(manifest);
  writeFileSync(`${manifestFile}.minisig`, testKey().sign(text));
  writeFileSync(`${manifestFile}.part`, text);
  renameSync(`${manifestFile}.part`, manifestFile);
}
