import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, readSync, rmSync } from "node:fs";
import path from "node:path";
import { createSHA256 } from "hash-wasm";
import { WINDOW, type Manifest } from "../src/release/manifest.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { registerOf } from "../src/bytes/sha256.ts";
import { pattern } from "../src/testing/bytes.ts";
import { digestOfWindow, TEST_RELEASE } from "../src/testing/test-base.ts";
import type { Served } from "./origin.ts";

const MIB = 1024 * 1024;
const PIECE = 2; // windows
const CONTENTS = 8; // different windows

/**
 * A base image of `windows` windows and 1 MiB, made up as it is read: a partition table by sgdisk, and the same
 * few windows of bytes again and again. Nothing of it lies on the disk.
 */
export async function made(windows: number): Promise<Served> {
  const size = windows * WINDOW + MIB;
  const start = (windows - PIECE) * WINDOW;
  const end = windows * WINDOW;
  const { head, tail } = tables(size, start, end);
  const contents = Array.from({ length: CONTENTS }, (_, i) => pattern(WINDOW, i + 1));
  const zeros = new Uint8Array(WINDOW);
  const windowAt = (index: number): Bytes => {
    if (index === 0) return head;
    if (index >= windows) return tail;
    return index < windows - PIECE ? contents[index % CONTENTS]! : zeros;
  };
  const digests = new Map([head, tail, ...contents].map((bytes) => [bytes, digestOfWindow(bytes)]));
  const hasher = (await createSHA256()).init();
  let words = "";
  for (let index = 0; index <= windows; index++) {
    if (index === windows - PIECE) words = registerOf(hasher);
    hasher.update(windowAt(index));
  }
  const manifest: Manifest = {
    ...TEST_RELEASE,
    image: { url: "base.img", size, sha256: hasher.digest("hex") },
    piecePartition: { start, length: PIECE * WINDOW, label: "FEDAC-PIECE" },
    digests: Array.from({ length: windows + 1 }, (_, index) => digests.get(windowAt(index)) ?? "zeros"),
    files: [],
    sha256State: { words, length: start },
  };
  return {
    manifest,
    read: (at, length) => windowAt(Math.floor(at / WINDOW)).subarray(at % WINDOW, (at % WINDOW) + length),
  };
}

/** The first window and the last MiB of an image with the piece partition from `start` to `end`. */
function tables(size: number, start: number, end: number): { head: Bytes; tail: Bytes } {
  const file = path.join(import.meta.dirname, "out", `tables-${size}.img`);
  const handle = openSync(file, "w+");
  try {
    ftruncateSync(handle, size);
    const args = [
      `--new=1:${WINDOW / 512}:${start / 512 - 1}`,
      "--change-name=1:FEDAC-LIVE",
      `--new=2:${start / 512}:${end / 512 - 1}`,
      "--change-name=2:FEDAC-PIECE",
    ];
    execFileSync("sgdisk", ["--set-alignment=1", ...args, file]);
    const head = new Uint8Array(WINDOW);
    const tail = new Uint8Array(MIB);
    readSync(handle, head, 0, WINDOW, 0);
    readSync(handle, tail, 0, MIB, end);
    return { head, tail };
  } finally {
    closeSync(handle);
    rmSync(file);
  }
}
