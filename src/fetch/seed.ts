import type { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";

/** A place where windows may be found without fetching them. What is read is verified like all else. */
export interface Seed {
  /** Whether window `index` is likely to be there. */
  has(index: number): boolean;
  /** Window `index` in a buffer from `pool`, or `undefined` when it is not there after all. */
  read(index: number, pool: BufferPool): Promise<Bytes | undefined>;
}
