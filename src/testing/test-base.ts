import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createSHA256 } from "hash-wasm";
import { WINDOW, type Manifest } from "../release/manifest.ts";
import type { Bytes } from "../bytes/segment.ts";
import { pattern } from "./bytes.ts";
import { run } from "./tools.ts";
import { registerOf } from "../bytes/sha256.ts";

const MIB = 1024 * 1024;

/** What manifests of tests say of themselves. */
export const TEST_RELEASE = {
  format: 1,
  name: "test-os",
  version: "2026.1.1",
  flavor: "test",
  arch: "x86_64",
  created: "2026-01-01T00:00:00Z",
  osJson: 2,
} as const;

/** A small base image for tests, partitioned by sgdisk, and its manifest. */
export interface TestBase {
  readonly image: Bytes;
  readonly manifest: Manifest;
}

/** What a stick is made of, in the windows of the ESP: path, start and length in bytes. */
const FILES = [
  ["/EFI/BOOT/BOOTX64.EFI", WINDOW + 4096, 3000],
  ["/EFI/BOOT/grubx64.efi", WINDOW + 8192, 5000],
  ["/EFI/debian/grub.cfg", WINDOW + 2048, 700],
  ["/vmlinuz", 3 * WINDOW, 70_000],
  ["/initramfs.img", 3 * WINDOW + 81_920, 50_000],
  ["/live.img", WINDOW + 16_384, 2 * WINDOW + 5],
] as const;

/**
 * A base whose second window is `content`. Its windows: the partition table, `ESP` (bytes, zeros, bytes), `FEDAC-PIECE`
 * (two, empty), then 1 MiB with the backup table.
 */
export async function testBase(content = pattern(WINDOW, 1)): Promise<TestBase> {
  const piece = { start: 4 * WINDOW, length: 2 * WINDOW, label: "FEDAC-PIECE" };
  const size = piece.start + piece.length + MIB;
  const image = partitioned(size, [{ label: "ESP", start: WINDOW, length: 3 * WINDOW }, piece]);
  image.set(content, WINDOW);
  image.set(pattern(WINDOW, 2), 3 * WINDOW);
  const hasher = await createSHA256();
  const manifest: Manifest = {
    ...TEST_RELEASE,
    image: { url: "base.img", size, sha256: sha256Of(image) },
    piecePartition: piece,
    digests: Array.from({ length: Math.ceil(size / WINDOW) }, (_, i) => {
      const window = image.subarray(i * WINDOW, (i + 1) * WINDOW);
      return window.some((byte) => byte !== 0) ? digestOfWindow(window) : "zeros";
    }),
    files: FILES.map(([name, start, length]) => {
      return { path: name, start, length, sha256: sha256Of(image.subarray(start, start + length)) };
    }),
    sha256State: {
      words: registerOf(hasher.init().update(image.subarray(0, piece.start))),
      length: piece.start,
    },
  };
  return { image, manifest };
}

/** The digest of a window as a manifest has it, by Node's OpenSSL. */
export function digestOfWindow(window: Bytes): string {
  const part = 512 * 1024;
  const all = createHash("sha256");
  for (let at = 0; at < window.length; at += part) {
    all.update(
      createHash("sha256")
        .update(window.subarray(at, at + part))
        .digest(),
    );
  }
  return all.digest("hex");
}

/** SHA-256 by Node's OpenSSL, in hex. */
export function sha256Of(bytes: Bytes): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function partitioned(size: number, partitions: { label: string; start: number; length: number }[]): Bytes {
  const folder = mkdtempSync(path.join(tmpdir(), "os-base-"));
  try {
    const file = path.join(folder, "base.img");
    writeFileSync(file, "");
    truncateSync(file, size);
    const args = partitions.flatMap(({ label, start, length }, i) => [
      `--new=${i + 1}:${start / 512}:${(start + length) / 512 - 1}`,
      `--change-name=${i + 1}:${label}`,
    ]);
    run("sgdisk", "--set-alignment=1", ...args, file);
    return new Uint8Array(readFileSync(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
