import type { Allowance } from "../allowances.ts";
import { BundleError } from "../errors.ts";
import { filesystem, FilesystemError } from "../ext4/filesystem.ts";
import type { Segment } from "../ext4/segment.ts";
import type { Manifest } from "../release/manifest.ts";
import { lengthOf, type Bytes, type ImageSegment } from "../bytes/segment.ts";
import { sha256 } from "../bytes/sha256.ts";
import { formatSettings, type SealedSettings } from "../settings/settings.ts";
import { splash } from "../splash/splash.ts";
import { formatOsJson } from "./os-json.ts";

/** A piece as it goes into its partition. */
export interface PieceFiles {
  readonly name: string;
  readonly html: Bytes;
  /** PNG, shown while the machine starts; made from the name when absent. */
  readonly splash?: Bytes | undefined;
  /** What it may use of the machine that it starts; nothing when absent. */
  readonly allow?: readonly Allowance[] | undefined;
  /** Who builds it, as `@jeffrey`, where that is to be said on it. */
  readonly by?: string | undefined;
  /** How the machine is set up for whoever uses it; no `settings.json` when absent. */
  readonly settings?: SealedSettings | undefined;
}

/** Beside the piece, and for root alone: it holds passphrases. */
const SETTINGS_JSON = "settings.json";

/** A whole image, decided to the last byte. */
export interface ImagePlan {
  readonly segments: readonly ImageSegment[];
  /** The SHA-256 of the piece's page, in lower-case hex. */
  readonly pieceSha256: string;
}

/** A file that goes with a piece, into its partition or onto a stick. */
export interface PieceFile {
  readonly path: string;
  readonly content: Bytes;
  readonly sha256: string;
  /** Its mode, where the file system has modes: 0644 when absent. */
  readonly mode?: number;
}

/** What lies in the piece partition, decided to the last byte. */
interface PartitionPlan {
  /** As long together as the partition. */
  readonly segments: readonly Segment[];
  /** The SHA-256 of the piece's page, in lower-case hex. */
  readonly pieceSha256: string;
}

/**
 * The base image with the piece's file system in place of the piece partition. Time and UUID come from the manifest
 * and the files, so the same request gives the same bytes; the random bytes of its settings are a part of a request. Throws `BundleError` when the piece does not fit.
 */
export async function planImage(manifest: Manifest, piece: PieceFiles): Promise<ImagePlan> {
  const { start, length } = manifest.piecePartition;
  const end = start + length;
  const { segments, pieceSha256 } = await planPartition(manifest, piece);
  return {
    segments: [
      { kind: "base", start: 0, length: start },
      ...segments,
      { kind: "base", start: end, length: manifest.image.size - end },
    ],
    pieceSha256,
  };
}

/** The piece partition of that image alone, the same to the byte. Throws `BundleError` when the piece does not fit. */
export async function planPartition(manifest: Manifest, piece: PieceFiles): Promise<PartitionPlan> {
  const { length, label } = manifest.piecePartition;
  const files = await pieceFiles(manifest, piece);
  let segments: Segment[];
  try {
    segments = [
      // Its root belongs to root, mode 0755: the kiosk's user is to find the piece, and not to change or move it
      ...filesystem(
        files.map(({ path, content, mode }) => ({ path, content, ...(mode !== undefined && { mode }) })),
        {
          size: length,
          label,
          uuid: await contentUuid(manifest, files, piece.settings),
          time: Date.parse(manifest.created) / 1000,
        },
      ),
    ];
  } catch (error) {
    if (!(error instanceof FilesystemError) || error.missing === undefined) throw error;
    throw new BundleError(`${piece.name} does not fit its partition of ${length} bytes: ${error.message}`, {
      cause: error,
    });
  }
  const made = segments.reduce((sum, segment) => sum + lengthOf(segment), 0);
  if (made !== length) throw new Error(`a file system of ${made} bytes for a partition of ${length}`);
  return { segments, pieceSha256: files[0].sha256 };
}

/**
 * What a machine finds of a piece, whatever it starts from: `piece.html`, `os.json`, `splash.png`, and its `settings.json`
 * if it has any. Throws `RangeError` for settings that no reader would take.
 */
export async function pieceFiles(
  manifest: Manifest,
  piece: PieceFiles,
): Promise<[PieceFile, ...PieceFile[]]> {
  const html = await pieceFile("piece.html", piece.html);
  const files: [PieceFile, ...PieceFile[]] = [
    html,
    await pieceFile("os.json", description(manifest, piece, html.sha256)),
    await pieceFile("splash.png", piece.splash ?? (await splash(piece.name, piece.by))),
  ];
  if (!piece.settings) return files;
  const text = new TextEncoder().encode(formatSettings(piece.settings));
  return [...files, { ...(await pieceFile(SETTINGS_JSON, text)), mode: 0o600 }];
}

async function pieceFile(path: string, content: Bytes): Promise<PieceFile> {
  return { path, content, sha256: await sha256(content) };
}

/** `os.json`: what the stick holds. */
function description({ name, flavor, version }: Manifest, piece: PieceFiles, htmlSha256: string): Bytes {
  const text = formatOsJson({
    format: 1,
    piece: piece.name,
    size: piece.html.length,
    sha256: htmlSha256,
    base: `${name} ${flavor} ${version}`,
    allow: piece.allow ?? [],
    by: piece.by,
  });
  return new TextEncoder().encode(text);
}

/**
 * A UUID of version 8 (RFC 9562, section 5.8) from the base and all files, so that the boot loader can tell apart two
 * sticks made from one base. Everybody may see it, so of the settings it has their random bytes alone: whoever guesses at a
 * passphrase learns nothing from it.
 */
async function contentUuid(
  manifest: Manifest,
  files: readonly PieceFile[],
  settings: SealedSettings | undefined,
): Promise<string> {
  const digests = files
    .filter(({ path }) => path !== SETTINGS_JSON)
    .map(({ sha256: digest, path }) => `${digest}  ${path}`);
  const all = [manifest.image.sha256, ...digests, ...(settings ? [settings.random] : [])].join("\n");
  const hex = await sha256(new TextEncoder().encode(all));
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
