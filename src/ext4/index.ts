// What the package offers. See README.md.

export * from "./filesystem.ts";
export { chunksOf, chunksOrHoles } from "./chunks.ts";
export { read, type Source, type Volume } from "./reader.ts";
export { decodeText, encodeText } from "./text.ts";
export { lengthOf, type ByteRange, type Bytes, type Content, type Segment } from "./segment.ts";
