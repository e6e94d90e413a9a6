import { createSHA256 } from "hash-wasm";
import { BaseImageError } from "../errors.ts";
import type { Bytes } from "../bytes/segment.ts";
import type { StickProgress } from "../messages.ts";
import { sha256 } from "../bytes/sha256.ts";
import type { StickFolder } from "./folder.ts";
import { hashOf, isBlank } from "./look.ts";
import type { Step } from "./plan.ts";

/** What is needed to carry out steps. */
interface Tools {
  readonly folder: StickFolder;
  /** Bytes of the base image. A chunk is used up when the next one is asked for. */
  readonly readBase: (start: number, length: number) => AsyncIterable<Bytes>;
  readonly onProgress: (progress: StickProgress) => void;
  /** Waited for before each step and each chunk: never resolves while the person has paused it. */
  readonly whenResumed?: () => Promise<void>;
  readonly stop: AbortSignal;
}

/**
 * Carry out `steps`, one after the other. A file that is there with the right bytes is not written again, so doing the
 * same once more goes on where it was left, and repairs. Throws `StickError`, `StickFullError`, `BaseImageError`, what
 * `readBase` throws, and the reason that `stop` is aborted with.
 */
export async function carryOut(steps: readonly Step[], tools: Tools): Promise<void> {
  const { folder, stop, whenResumed = async () => {} } = tools;
  const total = steps.reduce((sum, step) => sum + (step.do === "write" ? step.size : 0), 0);
  let done = 0;
  let written = 0;
  for (const step of steps) {
    await whenResumed();
    stop.throwIfAborted();
    if (step.do === "copy") await copy(folder, step.from, step.to);
    else if (step.do === "remove") await folder.remove(step.path);
    else if (step.do === "removeEmpty") await folder.removeEmpty(step.path);
    else {
      const { path, size, content } = step;
      const report = async (does: StickProgress["does"], bytes: number) => {
        const now = does === "reading" ? written : written + bytes;
        tools.onProgress({ path, does, done: done + bytes, total, written: now });
        await whenResumed();
      };
      const expected = content instanceof Uint8Array ? await sha256(content) : content.sha256;
      const isThere = await isWhole(step, expected, tools, (bytes) => report("reading", bytes));
      if (!isThere) {
        const chunks = content instanceof Uint8Array ? once(content) : tools.readBase(content.start, size);
        await folder.write(path, verified(chunks, { path, size, expected, stop, report }));
        written += size;
      }
      done += size;
      await report(isThere ? "reading" : "writing", 0);
    }
  }
}

/** Whether the file that `step` writes is there already. */
async function isWhole(
  { path, size, trusted }: Extract<Step, { readonly do: "write" }>,
  expected: string,
  { folder, stop }: Tools,
  onRead: (bytes: number) => Promise<void>,
): Promise<boolean> {
  const there = await folder.open(path);
  if (there?.size !== size) return false;
  if (trusted) return !(await isBlank(there));
  return (await hashOf(there, stop, onRead)) === expected;
}

/** Pass on the chunks of a file, and throw `BaseImageError` at the end unless they are that file. */
async function* verified(
  chunks: AsyncIterable<Bytes>,
  file: {
    path: string;
    size: number;
    expected: string;
    stop: AbortSignal;
    report: (does: StickProgress["does"], bytes: number) => Promise<void>;
  },
): AsyncGenerator<Bytes> {
  const hash = (await createSHA256()).init();
  let bytes = 0;
  for await (const chunk of chunks) {
    file.stop.throwIfAborted();
    hash.update(chunk);
    yield chunk;
    await file.report("writing", (bytes += chunk.length));
  }
  if (bytes !== file.size || hash.digest("hex") !== file.expected) {
    throw new BaseImageError(`${file.path} of the base image is not the one that its manifest describes`);
  }
  await file.report("finishing", bytes);
}

async function copy(folder: StickFolder, from: string, to: string): Promise<void> {
  const file = await folder.open(from);
  if (file) await folder.write(to, file.chunks());
}

async function* once(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}
