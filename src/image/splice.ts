import { rechunk } from "../bytes/rechunk.ts";
import { chunksOf } from "../ext4/chunks.ts";
import type { Segment } from "../ext4/segment.ts";
import { WINDOW } from "../release/manifest.ts";
import type { BufferPool } from "../bytes/buffer-pool.ts";
import { lengthOf, type Bytes, type ImageSegment } from "../bytes/segment.ts";

/**
 * The bytes of an image, in order: `base` segments through `readBase`, all others made here in buffers from `buffers`.
 * Chunks have at most 4 MiB and are the caller's to transfer, if those of `readBase` are. Throws what `readBase` and
 * the contents of segments throw, and `RangeError` when a content has another length than it says.
 */
export async function* splice(
  segments: Iterable<ImageSegment>,
  readBase: (start: number, length: number) => AsyncIterable<Bytes>,
  buffers: BufferPool,
): AsyncGenerator<Bytes> {
  let made: Segment[] = [];
  for (const segment of segments) {
    if (segment.kind !== "base") {
      made.push(segment);
      continue;
    }
    yield* make(made, buffers);
    made = [];
    yield* readBase(segment.start, segment.length);
  }
  yield* make(made, buffers);
}

/** Small segments together make chunks worth a message. */
function make(segments: Segment[], buffers: BufferPool): AsyncGenerator<Bytes> {
  const length = segments.reduce((sum, segment) => sum + lengthOf(segment), 0);
  return rechunk(chunksOf(segments), WINDOW, length, buffers);
}
