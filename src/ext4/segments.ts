import { lengthOf, type Bytes, type Content, type Segment } from "./segment.ts";
import { withCheckedLength } from "./content.ts";
import { FILE_TYPE, type DirectoryRecord } from "./directory.ts";
import { extentBlock, extentsOf, extentTree } from "./extent.ts";
import { inodeSeed, journalSuperblock } from "./format.ts";
import { directoryBlocks } from "./htree.ts";
import type { Run } from "./layout.ts";
import { Metadata } from "./metadata.ts";
import { numberOf, type Inode, type Plan } from "./plan.ts";
import type { Child } from "./tree.ts";
import { xattrBlock } from "./xattr.ts";

/**
 * The segments of a planned file system, from its first byte to its last. Each is made when it is asked for. A stream
 * of the wrong length throws `FilesystemError` when it is read.
 */
export function* segments(plan: Plan): Generator<Segment> {
  const { size, layout } = plan;
  let at = 0;
  for (const { start, segments: filled } of allocations(plan)) {
    const next = start * layout.blockSize;
    if (next > at) yield { kind: "zeros", length: next - at };
    at = next;
    for (const segment of filled) {
      yield segment;
      at += lengthOf(segment);
    }
  }
  if (size > at) yield { kind: "zeros", length: size - at };
}

/** Blocks in use, and the segments that fill them, without zeros at the end. */
interface Allocation extends Run {
  readonly segments: Iterable<Segment>;
}

/** All blocks in use, ascending: the fixed metadata, and the inodes' own blocks between them. */
function* allocations(plan: Plan): Generator<Allocation> {
  const metadata = new Metadata(plan);
  const { fixedMetadata } = plan.layout;
  let next = 0;
  function* fixedMetadataBefore(block: number): Generator<Allocation> {
    for (; next < fixedMetadata.length && fixedMetadata[next]!.start < block; next++) {
      const fixed = fixedMetadata[next]!;
      yield { ...fixed, segments: metadata.segments(fixed) };
    }
  }
  for (const inode of plan.order) {
    for (const allocation of allocationsOf(inode, plan, metadata.seed)) {
      yield* fixedMetadataBefore(allocation.start);
      yield allocation;
    }
  }
  yield* fixedMetadataBefore(Infinity);
}

/** An inode's own blocks, ascending. */
function* allocationsOf(inode: Inode, plan: Plan, fileSystemSeed: number): Generator<Allocation> {
  const { blockSize } = plan.layout;
  const { node, runs, size, xattrBlock: ownXattrs } = inode;
  if (ownXattrs > 0) {
    const bytes = xattrBlock(inode.xattrs.block, blockSize, ownXattrs, fileSystemSeed);
    yield { start: ownXattrs, count: 1, segments: [{ kind: "bytes", bytes }] };
  }
  if (runs.length === 0) return;
  const content = node?.content;
  if (content) {
    const source = content instanceof Uint8Array ? content : withCheckedLength(content, node.path);
    for (const { logical, start, count } of runs) {
      const from = logical * blockSize;
      yield { start, count, segments: [partOf(source, from, Math.min(count * blockSize, size - from))] };
    }
  } else {
    const blocks = madeBlocks(inode, plan, inodeSeed(fileSystemSeed, inode.number))[Symbol.iterator]();
    for (const { start, count } of runs) yield { start, count, segments: nextOf(blocks, count) };
  }
  if (inode.tree.length === 0) return;
  const seed = inodeSeed(fileSystemSeed, inode.number);
  for (const extents of extentTree(extentsOf(runs), inode.tree, blockSize).slice(1)) {
    const bytes = extentBlock(extents, blockSize, seed);
    yield { start: extents.block, count: 1, segments: [{ kind: "bytes", bytes }] };
  }
}

function partOf(content: Bytes | Content, start: number, length: number): Segment {
  if (!(content instanceof Uint8Array)) return { kind: "content", content, start, length };
  return {
    kind: "bytes",
    bytes: length < content.length ? content.subarray(start, start + length) : content,
  };
}

/** The content of what is not a file, in blocks, up to the last that is not zero. */
function madeBlocks(
  { node, shape, number }: Inode,
  { layout, identity }: Plan,
  seed: number,
): Iterable<Bytes> {
  const { blockSize } = layout;
  if (node === undefined) return [journalSuperblock(identity.uuid, layout.journalBlocks, blockSize)];
  if (shape === undefined) return [node.target!];
  return directoryBlocks(shape, number, numberOf(node.parent!), recordOf, blockSize, seed);
}

function recordOf({ name, length, node }: Child): DirectoryRecord {
  return { name, length, inode: numberOf(node), type: FILE_TYPE[node.kind] };
}

/** The next blocks, at most `count`. */
function* nextOf(blocks: Iterator<Bytes>, count: number): Generator<Segment> {
  for (let i = 0; i < count; i++) {
    const next = blocks.next();
    if (next.done) return;
    yield { kind: "bytes", bytes: next.value };
  }
}
