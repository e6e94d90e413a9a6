/** Bytes that are ours to keep or to transfer to another thread. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes `start, length` of something. */
export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

/** Content of a known length in bytes that is read when it is needed, front to back, once per `open`. */
export interface Content {
  readonly length: number;
  /**
   * Where it has data, in ascending order. What lies between is holes: zeros, which `open` yields as well, and which take
   * no room in a file system but in the blocks that data shares. Default: all of it.
   */
  readonly data?: readonly ByteRange[] | undefined;
  open(): AsyncIterable<Bytes>;
}

/**
 * A run of a file system. A file system is a list of segments, and where a byte lands is the sum of the lengths before
 * it: segments can neither overlap nor leave a gap.
 *
 * - `bytes`: bytes made here
 * - `content`: bytes `start, length` of something the caller reads for us; the segments of one content follow each other
 *   in the order of their `start`, with none of another content between them
 * - `zeros`: nothing but zero bytes
 */
export type Segment =
  | { readonly kind: "bytes"; readonly bytes: Bytes }
  | { readonly kind: "content"; readonly content: Content; readonly start: number; readonly length: number }
  | { readonly kind: "zeros"; readonly length: number };

/** How many bytes a segment comes to. */
export function lengthOf(segment: Segment): number {
  return segment.kind === "bytes" ? segment.bytes.length : segment.length;
}
