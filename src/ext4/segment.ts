/** Bytes that are ours to keep or to transfer to another thread. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Content of a known length in bytes that is read when it is needed, front to back, once per `open`. */
export interface Content {
  readonly length: number;
  open(): AsyncIterable<Bytes>;
}

/**
 * A run of a file system. A file system is a list of segments, and where a byte lands is the sum of the lengths before
 * it: segments can neither overlap nor leave a gap.
 *
 * - `bytes`: bytes made here
 * - `content`: bytes `start, length` of something the caller reads for us; the segments of one content stand in the
 *   order of their `start`
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
