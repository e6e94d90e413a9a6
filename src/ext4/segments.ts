import { lengthOf, type Bytes, type Content, type Segment } from "./segment.ts";
import { checked } from "./content.ts";
import { FILE_TYPE, type Record } from "./directory.ts";
import { extentBlock, extentsOf, extentTree } from "./extent.ts";
import { inodeSeed, journalSuperblock } from "./format.ts";
import { directoryBlocks } from "./htree.ts";
import type { Run } from "./layout.ts";
import { Metadata } from "./metadata.ts";
import { numberOf, type Inode, type Plan } from "./plan.ts";
import type { Child } from "./tree.ts";
import { xattrBlock } from "./xattr.ts";

/** The segments of a planned file system, made one at a time when asked for. */
export function* segments(plan: Plan): Generator<Segment> {
  const { size, layout } = plan;
  let at = 0;
  for (const { start, segments: filled } of stretches(plan)) {
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

/** Blocks in use, and the segments that fill them, but for zeros at the end. */
interface Stretch extends Run {
  readonly segments: Iterable<Segment>;
}

/** What has its fixed place and what was put between, ascending. */
function* stretches(plan: Plan): Generator<Stretch> {
  const metadata = new Metadata(plan);
  const { fixtures } = plan.layout;
  let next = 0;
  function* fixturesBefore(block: number): Generator<Stretch> {
    for (; next < fixtures.length && fixtures[next]!.start < block; next++) {
      const fixture = fixtures[next]!;
      yield { ...fixture, segments: metadata.segments(fixture) };
    }
  }
  for (const inode of plan.order) {
    for (const stretch of stretchesOf(inode, plan, metadata.seed)) {
      yield* fixturesBefore(stretch.start);
      yield stretch;
    }
  }
  yield* fixturesBefore(Infinity);
}

/** An inode's own blocks. */
function* stretchesOf(inode: Inode, plan: Plan, fileSystemSeed: number): Generator<Stretch> {
  const { blockSize } = plan.layout;
  const { node, runs, size, xattrBlock: ownXattrs } = inode;
  if (ownXattrs > 0) {
    const bytes = xattrBlock(inode.xattrs.block, blockSize, ownXattrs, fileSystemSeed);
    yield { start: ownXattrs, count: 1, segments: [{ kind: "bytes", bytes }] };
  }
  if (runs.length === 0) return;
  const content = node?.content;
  if (content) {
    const source = content instanceof Uint8Array ? content : checked(content, node.path);
    let done = 0;
    for (const { start, count } of runs) {
      const room = count * blockSize;
      yield { start, count, segments: [partOf(source, done, Math.min(room, size - done))] };
      done += room;
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

/** Blocks of the file system's own making, up to the last that is not zero. */
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

function recordOf({ name, length, node }: Child): Record {
  return { name, length, inode: numberOf(node), type: FILE_TYPE[node.kind] };
}

/** At most so many more blocks. */
function* nextOf(blocks: Iterator<Bytes>, count: number): Generator<Segment> {
  for (let i = 0; i < count; i++) {
    const next = blocks.next();
    if (next.done) return;
    yield { kind: "bytes", bytes: next.value };
  }
}
