import * as v from "valibot";
import { ManifestError } from "../errors.ts";
import { VERSION } from "./version.ts";
import type { Windows } from "./windows.ts";

/** A digest covers this many bytes of the base image; the last window may be shorter. */
export const WINDOW = 4 * 1024 * 1024;

const MIB = 1024 * 1024;
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "not a SHA-256 in lower-case hex"));

/** A plain word, as flavors and architectures are. */
export const word = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "not a plain word"));
/** A version (`VERSION`). */
export const versionNumber = v.pipe(v.string(), v.regex(VERSION, "not a version like 2026.11.24"));
/** An address, absolute or relative. */
export const url = v.pipe(v.string(), v.minLength(1), v.maxLength(2048));
const path = v.pipe(
  v.string(),
  v.regex(/^(\/[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*){1,4}$/, "not a plain path"),
  v.maxLength(128),
);
/** A time in ISO 8601. */
export const time = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.check((text) => Date.parse(text) >= 0 && Date.parse(text) < 2 ** 42, "not a time from 1970 to 2109"),
);

const manifestSchema = v.object({
  format: v.literal(1),
  name: word,
  version: versionNumber,
  flavor: word,
  arch: word,
  created: time,
  /**
   * `url` and `mirrors`, where else the image is, are relative to the manifest. `size` is a multiple of 1 MiB,
   * below 4 GiB (FAT32's largest file).
   */
  image: v.object({ url, mirrors: v.optional(v.pipe(v.array(url), v.maxLength(8))), size, sha256 }),
  /** Starts and ends on a window boundary; all zeros in the base image. */
  piecePartition: v.object({
    start: size,
    length: size,
    label: v.pipe(v.string(), v.minLength(1), v.maxBytes(16)),
  }),
  /**
   * For each window the SHA-256 of the SHA-256s of its parts of 512 KiB, one after another in 32 bytes each
   * (`digestOf`), or "zeros" when it holds nothing else and need not be fetched.
   */
  digests: v.array(v.union([sha256, v.literal("zeros")])),
  /** The SHA-256 register (FIPS 180-4, H0 to H7 in hex) after the first `length` bytes of the image. */
  sha256State: v.object({ words: sha256, length: size }),
  /**
   * What UEFI firmware starts the system from, as files that lie in the image in one piece each, ahead of the piece
   * partition: those of the ESP by their paths there, and the root as `/live.img`. A stick with a file system of its own
   * is made of them. None when the base can only be written as a whole.
   */
  files: v.pipe(v.array(v.object({ path, start: size, length: size, sha256 })), v.maxLength(64)),
  /** The newest format of `os.json` that its machine reads; 1 when absent, as in all bases until 2026-11. */
  osJson: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  /** What the image was made from: a list of packages beside the manifest, relative to it. */
  sbom: v.optional(v.object({ url, sha256 })),
});

/** What describes a base release: JSON beside the image. */
export type Manifest = v.InferOutput<typeof manifestSchema>;

/** The image that a manifest describes, as windows. */
export function windowsOf({ image, digests }: Manifest): Windows {
  return { size: image.size, window: WINDOW, digests };
}

/** A manifest from JSON of any shape. Throws `ManifestError` unless it is of format 1 and describes a sound image. */
export function parseManifest(json: unknown): Manifest {
  const manifest = parseAs(manifestSchema, json, "manifest");
  const { image, piecePartition: piece, digests, sha256State, files } = manifest;
  const end = piece.start + piece.length;
  const sound: [boolean, string][] = [
    [image.size > 0 && image.size % MIB === 0, `image size ${image.size} is not a multiple of 1 MiB`],
    [image.size < 2 ** 32, `image size ${image.size} is 4 GiB or more`],
    [piece.start % WINDOW === 0 && end % WINDOW === 0, "piece partition is not on window boundaries"],
    [piece.start > 0 && piece.length > 0 && end < image.size, "piece partition is not inside the image"],
    [image.size - end <= WINDOW, "piece partition is not the last"],
    [digests.length === Math.ceil(image.size / WINDOW), `${digests.length} digests do not cover the image`],
    [
      digests.slice(piece.start / WINDOW, end / WINDOW).every((digest) => digest === "zeros"),
      "piece partition is not empty in the base image",
    ],
    [sha256State.length === piece.start, "SHA-256 state does not end where the piece partition starts"],
    [
      files.every(({ start, length }) => length > 0 && start + length <= piece.start),
      "a file is empty or does not lie ahead of the piece partition",
    ],
    // FAT takes names that differ in case for one
    [new Set(files.map((file) => file.path.toLowerCase())).size === files.length, "two files have one path"],
  ];
  for (const [ok, what] of sound) {
    if (!ok) throw new ManifestError(`The base image's manifest is wrong: ${what}`);
  }
  return manifest;
}

/** What releases compare within: flavor and architecture. */
export function channelOf({ flavor, arch }: { flavor: string; arch: string }): string {
  return `${flavor} ${arch}`;
}

/** What whoever signs a manifest says of it in the trusted comment, which is signed as well. */
export function commentOn({ name, flavor, version, arch }: Manifest): string {
  return `${name} ${flavor} ${version} ${arch}`;
}

/** `json` as `schema` has it. `what` is what messages call it. Throws `ManifestError`, also for a format other than 1. */
export function parseAs<S extends v.GenericSchema>(schema: S, json: unknown, what: string): v.InferOutput<S> {
  const format = (json as { format?: unknown } | null)?.format;
  if (typeof format === "number" && format !== 1) {
    throw new ManifestError(`The base image's ${what} has format ${format}, and this page knows format 1`);
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue) ?? "the top";
  throw new ManifestError(`The base image's ${what} is malformed at ${where}: ${issue.message}`);
}
