import path from "node:path";
import { BaseImageError, ManifestError } from "../src/errors.ts";
import { isLatest, parseLatest } from "../src/release/latest.ts";
import { parseManifest, windowsOf } from "../src/release/manifest.ts";
import { checkHolds, checkWanted, verifyLatest, verifyManifest } from "../src/release/verify.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { lengthOfWindow, type Windows } from "../src/release/windows.ts";
import { newest } from "../src/release/list.ts";
import type { Base } from "../src/image/image.ts";
import type { Seed } from "../src/fetch/seed.ts";
import { RetryPolicy } from "../src/fetch/retry.ts";
import { openInput, readAt, readInput } from "./input.ts";

/** The largest manifest, list or signature that is accepted, in bytes, as over HTTP. */
const LARGEST_MANIFEST = 1024 * 1024;

/**
 * A base from files: a manifest, or a `latest.json` whose newest release of `flavor`, or that of `version`, it then is.
 * With `keys`, one of them must have signed list and manifest, and the list must still hold; without, both are taken as
 * they are, with the signature that lies beside the manifest if one does. Throws `RangeError` for files that cannot be read, `ManifestError`, `SignatureError` and `ExpiredListError`.
 */
export async function fileBase(
  file: string,
  wanted: {
    readonly flavor?: string | undefined;
    readonly version?: string | undefined;
    readonly arches?: readonly string[] | undefined;
    readonly keys?: readonly string[] | undefined;
  },
): Promise<Base & { readonly bytes: Bytes; readonly signature: string | undefined }> {
  let manifestFile = file;
  let bytes = await readInput(file, LARGEST_MANIFEST);
  const json = parseJson(bytes, file);
  if (isLatest(json)) {
    const latest = wanted.keys ? await verifyLatest(json, wanted.keys) : parseLatest(json);
    if (wanted.keys) checkHolds(latest, new Date());
    manifestFile = path.resolve(path.dirname(file), newest(latest, wanted).manifest);
    bytes = await readInput(manifestFile, LARGEST_MANIFEST);
  }
  const signatureFile = readInput(`${manifestFile}.minisig`, LARGEST_MANIFEST);
  const signature = await signatureFile.then(
    (text) => new TextDecoder().decode(text),
    (error: unknown) => {
      if (wanted.keys) throw error;
      return undefined; // there is none, or none that is a file, and nobody has asked for one
    },
  );
  if (wanted.keys) await verifyManifest(bytes, signature ?? "", wanted.keys);
  const manifest = parseManifest(parseJson(bytes, manifestFile));
  checkWanted(manifest, wanted);
  const image = path.resolve(path.dirname(manifestFile), manifest.image.url);
  return {
    manifest,
    bytes,
    signature,
    sources: { servers: [], retry: new RetryPolicy(), seeds: [imageSeed(image, windowsOf(manifest))] },
  };
}

/** The windows of an image in a file. Reading throws `BaseImageError` when the file cannot be read. */
export function imageSeed(file: string, windows: Windows): Seed {
  return {
    has: () => true,
    async read(index, pool) {
      const bytes = pool.acquire(lengthOfWindow(windows, index));
      try {
        const { handle } = await openInput(file);
        try {
          await readAt(file, handle, index * windows.window, bytes);
        } finally {
          await handle.close();
        }
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new BaseImageError(error.message, { cause: error });
      }
      return bytes;
    },
  };
}

function parseJson(bytes: Bytes, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ManifestError(`The manifest ${file} is not JSON`, { cause: error });
  }
}
