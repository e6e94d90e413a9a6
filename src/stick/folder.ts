import type { Bytes } from "../bytes/segment.ts";

/** A file on a stick. */
export interface StickFile {
  /** In bytes. */
  readonly size: number;
  /** Its bytes, in order. Throws `StickError`. */
  chunks(): AsyncIterable<Bytes>;
}

/**
 * The folder that the person chose, the top of a stick. Paths start with a slash. Whether names that differ in case are
 * the same file is up to the file system: on FAT they are.
 *
 * All of it throws `StickError`, and `StickFullError` for want of room.
 */
export interface StickFolder {
  /**
   * The names in the folder at `path`, as they are written there; none when there is no such folder. The top, `/`, is there
   * unless the stick is gone.
   */
  list(path: string): Promise<readonly StickEntry[]>;
  /** The file at `path`; undefined when there is none, or a folder. */
  open(path: string): Promise<StickFile | undefined>;
  /**
   * Put a file at `path`, with the folders that lead there. It appears with all bytes of `chunks` or not at all; one
   * that was there stays until then. Passes on what `chunks` throws.
   */
  write(path: string, chunks: AsyncIterable<Bytes>): Promise<void>;
  /** Remove the file at `path`; nothing when there is none, or a folder. */
  remove(path: string): Promise<void>;
  /** Remove the folder at `path` if it is one and nothing is in it. */
  removeEmpty(path: string): Promise<void>;
}

/** What a person does about a stick that does not do what it should. */
export const PLUG_IN = "Plug it in again and try once more: what is on it already is not written again";

/** What a person is told when there is a folder in the place of a file, or the other way round. */
export const IN_THE_WAY =
  "Something on the stick is in the way: a file where os has a folder, or a folder where it has a file. Look at EFI and " +
  "fedac there, and give it another name";

/** A name in a folder. */
export interface StickEntry {
  readonly name: string;
  readonly kind: "file" | "directory";
}

/**
 * What calls to a file system come to on a stick: `step` turns what they reject with into errors of ours, by `asError`;
 * `orNothing` gives `nothing` where a path is missing, by `isMissing`, and is `step` otherwise.
 */
export function stickCalls(asError: (error: unknown) => unknown, isMissing: (error: unknown) => boolean) {
  async function step<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      throw asError(error);
    }
  }
  async function orNothing<T>(nothing: T, look: () => Promise<T>): Promise<T> {
    return await step(
      look().catch((error: unknown) => {
        if (isMissing(error)) return nothing;
        throw error;
      }),
    );
  }
  return { step, orNothing };
}
