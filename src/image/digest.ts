import { chunksOf } from "../ext4/chunks.ts";
import type { Segment } from "../ext4/segment.ts";
import { BaseImageError, ManifestError } from "../errors.ts";
import type { Manifest } from "../release/manifest.ts";
import type { Bytes } from "../bytes/segment.ts";
import { resume } from "../bytes/sha256.ts";

/**
 * The SHA-256 that the finished image will have: the manifest gives the SHA-256 register at the start of the piece
 * partition, and `partition` and `tail` are all that follows. Throws `ManifestError` unless that register leads to the
 * base image's own SHA-256 through an empty partition.
 */
export async function finishedSha256(
  manifest: Manifest,
  partition: readonly Segment[],
  tail: Bytes,
): Promise<string> {
  const empty: Segment[] = [{ kind: "zeros", length: manifest.piecePartition.length }];
  if ((await sha256Through(manifest, empty, tail)) !== manifest.image.sha256) {
    throw new ManifestError("The base image's manifest is wrong: its SHA-256 state belongs to another image");
  }
  return await sha256Through(manifest, partition, tail);
}

/**
 * Pass on the chunks of an image, the last one only if all of them are the image that was announced: as many bytes,
 * and from the piece partition on those that lead from the manifest's register to `sha256`. What comes before the
 * partition has been verified window by window. Throws `BaseImageError`, and what `chunks` throws.
 */
export async function* verifyWhole(
  { image, sha256State }: Manifest,
  sha256: string,
  chunks: AsyncIterable<Bytes>,
): AsyncGenerator<Bytes> {
  const hasher = await resume(sha256State.words, sha256State.length);
  let at = 0;
  for await (const chunk of chunks) {
    const known = Math.min(chunk.length, Math.max(0, sha256State.length - at));
    hasher.update(chunk.subarray(known));
    at += chunk.length;
    if (at >= image.size) {
      const found = hasher.digest("hex");
      if (at > image.size || found !== sha256) {
        throw new BaseImageError("The finished image is not the one that was announced", {
          cause: new Error(`${at} bytes with SHA-256 ${found} instead of ${image.size} with ${sha256}`),
        });
      }
    }
    yield chunk;
  }
  if (at < image.size) throw new BaseImageError(`The finished image has ${at} of ${image.size} bytes`);
}

/** The SHA-256 of an image of this base with `partition` and `tail` at its end. */
async function sha256Through(
  manifest: Manifest,
  partition: readonly Segment[],
  tail: Bytes,
): Promise<string> {
  const { words, length } = manifest.sha256State;
  const hasher = await resume(words, length);
  for await (const chunk of chunksOf(partition)) hasher.update(chunk);
  return hasher.update(tail).digest("hex");
}
