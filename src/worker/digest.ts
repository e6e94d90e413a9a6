import { chunksOf, type MadeSegment } from "../chunks.ts";
import { ManifestError } from "../errors.ts";
import type { Manifest } from "../manifest.ts";
import type { Bytes } from "../segment.ts";
import { resume } from "../sha256.ts";

/**
 * The SHA-256 that the finished image will have, known before it is made: the manifest gives the SHA-256
 * register at the start of the piece partition, and `partition` and `tail` are all that follows. The
 * register is believed only if it leads to the base image's own SHA-256 through an empty partition.
 * Throws `ManifestError`.
 */
export async function finishedSha256(
  manifest: Manifest,
  partition: readonly MadeSegment[],
  tail: Bytes,
): Promise<string> {
  const empty: MadeSegment[] = [{ kind: "zeros", length: manifest.piecePartition.length }];
  if ((await through(manifest, empty, tail)) !== manifest.image.sha256) {
    throw new ManifestError("The base image's manifest is wrong: its SHA-256 state belongs to another image");
  }
  return await through(manifest, partition, tail);
}

async function through(manifest: Manifest, partition: readonly MadeSegment[], tail: Bytes): Promise<string> {
  const { words, length } = manifest.sha256State;
  const hasher = await resume(words, length);
  for await (const chunk of chunksOf(partition)) hasher.update(chunk);
  return hasher.update(tail).digest("hex");
}
