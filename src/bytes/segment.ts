import { type Bytes, lengthOf as lengthOfMade, type Segment } from "../ext4/segment.ts";

// The file system's words for bytes are everybody's: src/ext4 stands alone, so they are defined there.
export type { Bytes, Content } from "../ext4/segment.ts";

/**
 * A run of a disk image: bytes `start, length` of the base image, or something made here. An image is a list of
 * segments, and where a byte lands is the sum of the lengths before it.
 */
export type ImageSegment =
  { readonly kind: "base"; readonly start: number; readonly length: number } | Segment;

/** How many bytes a segment comes to. */
export function lengthOf(segment: ImageSegment): number {
  return segment.kind === "base" ? segment.length : lengthOfMade(segment);
}

/** What is to be written over what is there, at `start`. */
export interface Patch {
  readonly start: number;
  readonly bytes: Bytes;
}
