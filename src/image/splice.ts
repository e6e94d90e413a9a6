import { rechunk } from "../bytes/rechunk.ts";
import { chunksOf } from "../ext4/chunks.ts";
import type { Segment } from "../ext4/segment.ts";
import { WINDOW } from "../release/manifest.ts";
import type { BufferPool } from "../bytes/buffer-pool.ts";
import { lengthOf, type Bytes, type ImageSegment } from "../bytes/segment.ts";

/**
 * The bytes of an image, in order: `base` segments through `readBase`, all others made here. Chunks are at
 * most 4 MiB and the caller's to transfer, if those of `readBase` are.
 */
export async function* splice(
  segments: Iterable<ImageSegment>,
  readBase: (start: number, length: number) => AsyncIterable<Bytes>,
  pool: BufferPool,
): AsyncGenerator<Bytes> {
  let made: Segment[] = [];
  for (const segment of segments) {
    if (segment.kind !== "base") {
      made.push(segment);
      continue;
    }
    yield* make(made, pool);
    made = [];
    yield* readBase(segment.start, segment.length);
  }
  yield* make(made, pool);
}

/** Small segments together make chunks worth a message. */
function make(segments: Segment[], pool: BufferPool): AsyncGenerator<Bytes> {
  const length = segments.reduce((sum, segment) => sum + lengthOf(segment), 0);
  return rechunk(chunksOf(segments), WINDOW, length, pool);
}
