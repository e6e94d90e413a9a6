import { BundleError } from "../errors.ts";
import { filesystem, FilesystemError, type Entry } from "../ext4/filesystem.ts";
import type { Manifest } from "../release/manifest.ts";
import { lengthOf, type Bytes, type ImageSegment } from "../bytes/segment.ts";
import { sha256 } from "../bytes/sha256.ts";
import { splash } from "../splash/splash.ts";
import { formatOsJson } from "./os-json.ts";

/** A piece as it goes into its partition. */
export interface PieceFiles {
  readonly name: string;
  readonly html: Bytes;
  /** PNG, shown while the machine starts; made from the name when absent. */
  readonly splash?: Bytes | undefined;
}

/**
 * The whole image: the base, with the piece's file system in place of the piece partition. Time and UUID
 * come from the manifest and the files, so the same request gives the same bytes. Throws `BundleError`
 * when the piece does not fit.
 */
export async function planImage(manifest: Manifest, piece: PieceFiles): Promise<ImageSegment[]> {
  const { start, length, label } = manifest.piecePartition;
  const end = start + length;
  const os = new TextEncoder().encode(await describe(manifest, piece));
  const files = [
    { path: "piece.html", content: piece.html },
    { path: "os.json", content: os },
    { path: "splash.png", content: piece.splash ?? (await splash(piece.name)) },
  ];
  let partition: ImageSegment[];
  try {
    partition = [
      ...filesystem([root, ...files], {
        size: length,
        label,
        uuid: await contentUuid(manifest, files),
        time: Date.parse(manifest.created) / 1000,
      }),
    ];
  } catch (error) {
    if (!(error instanceof FilesystemError) || error.missing === undefined) throw error;
    throw new BundleError(`${piece.name} does not fit its partition of ${length} bytes: ${error.message}`, {
      cause: error,
    });
  }
  const made = partition.reduce((sum, segment) => sum + lengthOf(segment), 0);
  if (made !== length) throw new Error(`a file system of ${made} bytes for a partition of ${length}`);
  return [
    { kind: "base", start: 0, length: start },
    ...partition,
    { kind: "base", start: end, length: manifest.image.size - end },
  ];
}

/** The kiosk writes its logs here, and is not root. */
const root: Entry = { kind: "directory", path: "/", mode: 0o777 };

/** `os.json`: what the stick holds. */
async function describe(manifest: Manifest, piece: PieceFiles): Promise<string> {
  return formatOsJson({
    format: 1,
    piece: piece.name,
    size: piece.html.length,
    sha256: await sha256(piece.html),
    base: `${manifest.name} ${manifest.flavor} ${manifest.version}`,
  });
}

/**
 * A UUID of version 8 (RFC 9562, section 5.8) from the base and all files, so that two sticks made from
 * one base can be told apart by the boot loader.
 */
async function contentUuid(manifest: Manifest, files: { path: string; content: Bytes }[]): Promise<string> {
  const digests = await Promise.all(files.map(async (file) => `${await sha256(file.content)}  ${file.path}`));
  const all = [manifest.image.sha256, ...digests].join("\n");
  const hex = await sha256(new TextEncoder().encode(all));
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
