import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createHash } from "node:crypto";
import type { Bytes } from "../bytes/segment.ts";
import { formatOsJson } from "../image/os-json.ts";
import { pattern } from "./bytes.ts";
import { forge } from "./forge.ts";
import { run } from "./tools.ts";

const MIB = 1024 * 1024;

/** The files on the ESP of `networkImage`. */
export const ESP_FILES: Readonly<Record<string, Bytes>> = {
  "EFI/BOOT/BOOTX64.EFI": pattern(3000, 1),
  "EFI/BOOT/grubx64.efi": pattern(60_000, 7),
  "grubnet.efi": pattern(70_001, 2),
  "EFI/debian/grub.cfg": new TextEncoder().encode('if [ -n "$served" ]; then true; fi\n'),
  vmlinuz: pattern(90_000, 3),
  "initramfs.img": pattern(1_500_000, 4),
  "splash.png": pattern(500, 5),
};

/** How an image of `networkImage` differs from the usual one. */
export interface Differences {
  /** Files on the ESP, instead of or beside the usual ones; null for one of those that is not there. */
  readonly esp?: Readonly<Record<string, Bytes | null>>;
  /** The piece's name. */
  readonly piece?: string;
  /** Files on FEDAC-PIECE beside piece.html and os.json; null for a base image, without a file system there. */
  readonly files?: Readonly<Record<string, Bytes>> | null;
}

/** The UUID of the file system on its FEDAC-PIECE. */
export const PIECE_UUID = "3f1c9a52-7b1e-4c1d-9d53-0a4b8e6f2c71";

/** A small image of ours, with partitions by sgdisk, an ESP by mtools, and a piece. */
export function networkImage({ esp = {}, piece = "notepat", files = {} }: Differences = {}): Bytes {
  const folder = mkdtempSync(path.join(tmpdir(), "network-image-"));
  try {
    empty ??= partitioned(path.join(folder, "image"));
    const image = empty.slice();
    image.set(espOf(folder, { ...ESP_FILES, ...esp }), 4 * MIB);
    image.set(pattern(4 * MIB, 6), 12 * MIB);
    if (files !== null) image.set(pieceOf(piece, files), 16 * MIB);
    return image;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

let empty: Bytes | undefined;

function partitioned(file: string): Bytes {
  writeFileSync(file, "");
  truncateSync(file, 22 * MIB);
  const partitions = [
    ["ESP", 4, 12],
    ["FEDAC-LIVE", 12, 16],
    ["FEDAC-PIECE", 16, 20],
  ] as const;
  const table = partitions.flatMap(([label, from, to], i) => [
    `--new=${i + 1}:${from * 2048}:${to * 2048 - 1}`,
    `--change-name=${i + 1}:${label}`,
  ]);
  run("sgdisk", "--set-alignment=1", ...table, file);
  return new Uint8Array(readFileSync(file));
}

/** The GUID of its FEDAC-LIVE, as sgdisk says it. */
export function liveGuid(file: string): string {
  return /Partition unique GUID: (\S+)/.exec(run("sgdisk", "--info=2", file))![1]!.toLowerCase();
}

function espOf(folder: string, files: Readonly<Record<string, Bytes | null>>): Bytes {
  const esp = path.join(folder, "esp");
  writeFileSync(esp, new Uint8Array(8 * MIB));
  run("mkfs.vfat", "-F", "16", "-s", "1", esp);
  const tree = path.join(folder, "tree");
  for (const [name, bytes] of Object.entries(files)) {
    if (!bytes) continue;
    mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
    writeFileSync(path.join(tree, name), bytes);
  }
  run("sh", "-c", 'cd "$1" && mcopy -s -i "$2" -- * ::', "sh", tree, esp);
  return new Uint8Array(readFileSync(esp));
}

function pieceOf(piece: string, files: Readonly<Record<string, Bytes>>): Bytes {
  const html = new TextEncoder().encode("<!doctype html><title>a piece</title>");
  const sha256 = createHash("sha256").update(html).digest("hex");
  const os = {
    format: 1,
    piece,
    size: html.length,
    sha256,
    base: "fedac-os test 2026.1.1",
    allow: [],
  } as const;
  const contents = {
    "piece.html": html,
    "os.json": new TextEncoder().encode(formatOsJson(os)),
    ...files,
  };
  const entries = Object.entries(contents).map(([name, content]) => ({ path: name, content }));
  return forge(entries, { size: 4 * MIB, uuid: PIECE_UUID, time: 1_750_000_000 }).bytes;
}
