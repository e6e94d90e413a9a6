import { createSHA256 } from "hash-wasm";
import { BaseImageError } from "../errors.ts";
import type { Bytes } from "../bytes/segment.ts";
import { sha256 } from "../bytes/sha256.ts";
import type { StickFolder } from "./folder.ts";
import { hashOf } from "./look.ts";
import type { Step } from "./plan.ts";

/** How far it has come. Sizes in bytes. */
export interface StickProgress {
  /** The file that is being compared or written. */
  readonly path: string;
  /** Whether it is read, to see if it is whole already, or written. */
  readonly does: "reading" | "writing";
  /** Of all files that have to be there: those that are. */
  readonly done: number;
  readonly total: number;
  /** Of `done`, what was written by this run; the rest was there. */
  readonly written: number;
}

/** What is needed to carry out steps. */
interface Tools {
  readonly folder: StickFolder;
  /** Bytes of the base image. A chunk is used up when the next one is asked for. */
  readonly readBase: (start: number, length: number) => AsyncIterable<Bytes>;
  readonly onProgress: (progress: StickProgress) => void;
  readonly stop: AbortSignal;
}

/**
 * Carry out `steps`, one after the other. A file that is there with the right bytes is not written again, so doing the
 * same once more goes on where it was left, and repairs. Throws `StickError`, `StickFullError`, `BaseImageError`, what
 * `readBase` throws, and the reason that `stop` is aborted with.
 */
export async function carryOut(steps: readonly Step[], tools: Tools): Promise<void> {
  const { folder, stop } = tools;
  const total = steps.reduce((sum, step) => sum + (step.do === "write" ? step.size : 0), 0);
  let done = 0;
  let written = 0;
  for (const step of steps) {
    stop.throwIfAborted();
    if (step.do === "copy") await copy(folder, step.from, step.to);
    else if (step.do === "remove") await folder.remove(step.path);
    else if (step.do === "removeEmpty") await folder.removeEmpty(step.path);
    else {
      const { path, size, content } = step;
      const report = (does: StickProgress["does"]) => (bytes: number) => {
        const now = does === "writing" ? written + bytes : written;
        tools.onProgress({ path, does, done: done + bytes, total, written: now });
      };
      const expected = content instanceof Uint8Array ? await sha256(content) : content.sha256;
      const there = await folder.open(path);
      const isWhole = there?.size === size && (await hashOf(there, stop, report("reading"))) === expected;
      if (!isWhole) {
        const chunks = content instanceof Uint8Array ? once(content) : tools.readBase(content.start, size);
        await folder.write(
          path,
          verified(chunks, { path, size, expected, stop, onBytes: report("writing") }),
        );
        written += size;
      }
      done += size;
      report(isWhole ? "reading" : "writing")(0);
    }
  }
}

/** Pass on the chunks of a file, and throw `BaseImageError` at the end unless they are that file. */
async function* verified(
  chunks: AsyncIterable<Bytes>,
  file: { path: string; size: number; expected: string; stop: AbortSignal; onBytes: (bytes: number) => void },
): AsyncGenerator<Bytes> {
  const hash = (await createSHA256()).init();
  let bytes = 0;
  for await (const chunk of chunks) {
    file.stop.throwIfAborted();
    hash.update(chunk);
    yield chunk;
    file.onBytes((bytes += chunk.length));
  }
  if (bytes === file.size && hash.digest("hex") === file.expected) return;
  throw new BaseImageError(`${file.path} of the base image is not the one that its manifest describes`);
}

async function copy(folder: StickFolder, from: string, to: string): Promise<void> {
  const file = await folder.open(from);
  if (file) await folder.write(to, file.chunks());
}

async function* once(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}
