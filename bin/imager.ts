import path from "node:path";
import { pathToFileURL } from "node:url";
import type { ImageInfo } from "../src/messages.ts";

// Raspberry Pi Imager opens files of this kind: a list of systems, of which it verifies the one that it writes
// (doc/schema-notes.md and doc/json-schema in its sources, read in 2026-08). Its "Use custom" knows no SHA-256.

const EXTENSION = ".rpi-imager-manifest";

/** The boards that such an image is for, by Imager's tags. */
const BOARDS = [
  { name: "Raspberry Pi 5", description: "the board of that name", tags: ["pi5-64bit"] },
  { name: "Raspberry Pi 4", description: "4, 400 and Compute Module 4", tags: ["pi4-64bit"] },
  { name: "Raspberry Pi 3", description: "may work: nothing is promised", tags: ["pi3-64bit"] },
];

/** The name of the manifest beside the image in `file`. */
export function imagerManifestName(file: string): string {
  return file.replace(/\.(?:img|iso)$/, "") + EXTENSION;
}

/**
 * A manifest for Imager of the image in `file`, whose path has to stay what it is now: Imager takes absolute addresses alone,
 * which is why a browser, which is not told where a download went, cannot make one.
 */
export function imagerManifest(file: string, { piece, size, sha256, base }: ImagerFacts): string {
  const manifest = {
    imager: { devices: BOARDS },
    os_list: [
      {
        name: `${piece.name} os`,
        description: `${base.name} ${base.flavor} ${base.version}, which starts with ${piece.name}`,
        icon: "icons/use_custom.png",
        url: pathToFileURL(path.resolve(file)).href,
        extract_size: size,
        extract_sha256: sha256,
        image_download_size: size,
        image_download_sha256: sha256,
        release_date: base.created.slice(0, 10),
        init_format: "none",
        architecture: "armv8",
        devices: BOARDS.flatMap(({ tags }) => tags),
      },
    ],
  };
  return JSON.stringify(manifest, null, 2) + "\n";
}

/** What a manifest says of an image. */
type ImagerFacts = Pick<ImageInfo, "piece" | "size" | "sha256" | "base">;
