import { mkdir, open, opendir, readdir, rmdir, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { SaveError, StickError, StickFullError } from "../src/errors.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { IN_THE_WAY, PLUG_IN, stickCalls, type StickFolder } from "../src/stick/folder.ts";
import { writeWhole } from "./output.ts";
import { systemReason } from "./reason.ts";

/** A file is read in parts of this many bytes. */
const PART = 4 * 1024 * 1024;

const { step, orNothing } = stickCalls(asStickError, (error) =>
  ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? ""),
);

/** A folder of this computer, where a stick is mounted. What is written has reached the stick when `write` is done. */
export function diskFolder(root: string): StickFolder {
  const at = (name: string) => path.join(root, name);
  return {
    list: (name) =>
      orNothing([], async () => {
        const entries = await readdir(at(name), { withFileTypes: true });
        return entries.map((entry) => ({
          name: entry.name,
          kind: entry.isDirectory() ? ("directory" as const) : ("file" as const),
        }));
      }),
    open: (name) =>
      orNothing(undefined, async () => {
        const file = await open(at(name));
        try {
          const stats = await file.stat();
          return stats.isFile() ? { size: stats.size, chunks: () => chunksOf(at(name)) } : undefined;
        } finally {
          await file.close();
        }
      }),
    async write(name, chunks) {
      const file = at(name);
      await step(mkdir(path.dirname(file), { recursive: true }));
      const there = await orNothing(undefined, () => stat(file));
      if (there?.isDirectory()) throw new StickError(IN_THE_WAY);
      await step(writeWhole(file, chunks));
      await step(syncDirectory(path.dirname(file)));
    },
    remove: (name) =>
      orNothing(undefined, async () => {
        if (!(await stat(at(name))).isDirectory()) await unlink(at(name));
      }),
    async removeEmpty(name) {
      await orNothing(undefined, async () => {
        const folder = await opendir(at(name));
        const first = await folder.read();
        await folder.close();
        if (first === null) await rmdir(at(name));
      });
    },
  };
}

async function* chunksOf(file: string): AsyncGenerator<Bytes> {
  const handle = await step(open(file));
  try {
    for (;;) {
      const { buffer, bytesRead } = await step(handle.read(new Uint8Array(PART), 0, PART));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function syncDirectory(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What the system's errors mean here. Errors of ours, as of what was to be written, stay what they are. */
function asStickError(error: unknown): unknown {
  const system = error instanceof SaveError ? error.cause : error;
  const { code } = system as NodeJS.ErrnoException;
  const cause = { cause: error };
  if (typeof code !== "string") return error;
  if (code === "EEXIST" || code === "ENOTDIR" || code === "EISDIR") return new StickError(IN_THE_WAY, cause);
  if (code === "ENOSPC") return new StickFullError("There is not enough room on the stick", cause);
  if (code === "EROFS")
    return new StickError("The stick is write-protected: look for a switch on it, or take another", cause);
  if (code === "EIO" || code === "ENODEV" || code === "ENXIO") {
    return new StickError(`The stick does not answer: was it pulled out? ${PLUG_IN}`, cause);
  }
  return new StickError(`The stick cannot be used: ${systemReason(system)}. ${PLUG_IN}`, cause);
}
