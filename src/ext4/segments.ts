import type { Bytes, Content, Segment } from "../segment.ts";
import { checked } from "./content.ts";
import { FILE_TYPE } from "./directory.ts";
import { extentBlock, extentsOf, extentTree } from "./extent.ts";
import { inodeSeed, journalSuperblock } from "./format.ts";
import { directoryBlocks } from "./htree.ts";
import type { Run } from "./layout.ts";
import { Metadata } from "./metadata.ts";
import type { Inode, Plan } from "./plan.ts";
import type { Child } from "./tree.ts";
import { xattrBlock } from "./xattr.ts";

/** The segments of a planned file system, made one at a time when asked for. */
export function* segments(plan: Plan): Generator<Segment> {
  const { size, layout } = plan;
  let zeros = 0;
  let at = 0;
  for (const stretch of stretches(plan)) {
    const start = stretch.start * layout.blockSize;
    zeros += start - at;
    for (const segment of stretch.segments) {
      if (segment.kind === "zeros") {
        zeros += segment.length;
        continue;
      }
      if (zeros > 0) yield { kind: "zeros", length: zeros };
      zeros = 0;
      yield segment;
    }
    at = start + stretch.count * layout.blockSize;
  }
  zeros += size - at;
  if (zeros > 0) yield { kind: "zeros", length: zeros };
}

/** Blocks in use, and the segments that fill them to their end. */
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
  if (inode.xattrBlock > 0) {
    const bytes = xattrBlock(inode.xattrs.block, blockSize, inode.xattrBlock, fileSystemSeed);
    yield { start: inode.xattrBlock, count: 1, segments: [{ kind: "bytes", bytes }] };
  }
  const seed = inodeSeed(fileSystemSeed, inode.number);
  const content = contentOf(inode, plan, seed);
  let done = 0;
  for (const { start, count } of inode.runs) {
    yield { start, count, segments: content(done, count * blockSize) };
    done += count * blockSize;
  }
  for (const node of extentTree(extentsOf(inode.runs), inode.tree, blockSize).slice(1)) {
    const bytes = extentBlock(node, blockSize, seed);
    yield { start: node.block, count: 1, segments: [{ kind: "bytes", bytes }] };
  }
}

/** `length` bytes of what an inode holds, from `start` on, zeros behind its end. Asked for in order. */
type Source = (start: number, length: number) => Iterable<Segment>;

function contentOf(inode: Inode, plan: Plan, seed: number): Source {
  const { node, shape, number, size } = inode;
  const { layout, identity, numbers } = plan;
  if (node === undefined) {
    return madeOf([journalSuperblock(identity.uuid, layout.journalBlocks, layout.blockSize)]);
  }
  if (shape !== undefined) {
    const record = ({ name, length, node: child }: Child) => ({
      name,
      length,
      inode: numbers.get(child)!,
      type: FILE_TYPE[child.kind],
    });
    const parent = numbers.get(node.parent!)!;
    return madeOf(directoryBlocks(shape, number, parent, record, layout.blockSize, seed));
  }
  if (node.kind === "symlink") return partsOf(node.target!, size);
  const content = node.content!;
  return partsOf(content instanceof Uint8Array ? content : checked(content, node.path), size);
}

/** Whole blocks, one after the other, then zeros. */
function madeOf(blocks: Iterable<Bytes>): Source {
  const iterator = blocks[Symbol.iterator]();
  return function* (_, length) {
    let left = length;
    while (left > 0) {
      const next = iterator.next();
      if (next.done) break;
      yield { kind: "bytes", bytes: next.value };
      left -= next.value.length;
    }
    yield { kind: "zeros", length: left };
  };
}

function partsOf(content: Bytes | Content, size: number): Source {
  return (start, room) => {
    const length = Math.min(room, size - start);
    const part: Segment =
      content instanceof Uint8Array
        ? { kind: "bytes", bytes: content.subarray(start, start + length) }
        : { kind: "content", content, start, length };
    return [part, { kind: "zeros", length: room - length }];
  };
}
