import { StickError, StickFullError } from "../errors.ts";
import type { Bytes } from "../bytes/segment.ts";
import { stickCalls, type StickFolder } from "./folder.ts";

/** A file is read in parts of this many bytes. */
const PART = 4 * 1024 * 1024;

const { step, orNothing } = stickCalls(asStickError, (error) => isNamed(error, "NotFoundError"));

/**
 * The folder that a person chose in Chromium (`showDirectoryPicker`). Chromium collects what is written in a file of its
 * own beside the real one (`.crswap`), and puts it in place when that is closed; it never asks the system to write to the
 * stick what it holds in memory, so only ejecting makes sure of that.
 */
export function handleFolder(root: FileSystemDirectoryHandle): StickFolder {
  const directory = async (path: string, create: boolean) => {
    let found = root;
    for (const name of partsOf(path)) found = await found.getDirectoryHandle(name, { create });
    return found;
  };
  const parentOf = (path: string, create: boolean) => directory(path.slice(0, path.lastIndexOf("/")), create);
  const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

  return {
    list: (path) =>
      orNothing([], async () => {
        const entries = [];
        for await (const { name, kind } of (await directory(path, false)).values())
          entries.push({ name, kind });
        return entries;
      }),
    open: (path) =>
      orNothing(undefined, async () => {
        const file = await (await (await parentOf(path, false)).getFileHandle(nameOf(path))).getFile();
        return { size: file.size, chunks: () => partsOfFile(file) };
      }),
    async write(path, chunks) {
      const parent = await step(parentOf(path, true));
      const handle = await step(parent.getFileHandle(nameOf(path), { create: true }));
      const before = await step(handle.getFile());
      let size = 0;
      let file: FileSystemWritableFileStream | undefined;
      try {
        file = await step(handle.createWritable());
        for await (const chunk of chunks) {
          await step(file.write(chunk));
          size += chunk.length;
        }
        await step(file.close());
        const found = (await step(handle.getFile())).size;
        if (found !== size) throw new StickError(`${path} came to ${found} of ${size} bytes on the stick`);
      } catch (error) {
        await file?.abort().catch(() => {}); // closed already, or as broken as the error says
        if (before.size === 0) await parent.removeEntry(nameOf(path)).catch(() => {}); // we made it
        throw error;
      }
    },
    remove: (path) =>
      orNothing(undefined, async () => {
        await (await parentOf(path, false)).removeEntry(nameOf(path), { recursive: true });
      }),
    removeEmpty: (path) =>
      orNothing(undefined, async () => {
        const parent = await parentOf(path, false);
        await parent.removeEntry(nameOf(path)).catch((error: unknown) => {
          if (!isNamed(error, "InvalidModificationError")) throw error; // something is in it
        });
      }),
  };
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

async function* partsOfFile(file: File): AsyncGenerator<Bytes> {
  for (let at = 0; at < file.size; at += PART) {
    yield new Uint8Array(await step(file.slice(at, at + PART).arrayBuffer()));
  }
}

/** What Chromium's names mean here (tried with a stick that was full, pulled out, and read-only). */
function asStickError(error: unknown): Error {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const cause = { cause: error };
  switch (name) {
    case "QuotaExceededError":
      return new StickFullError("There is not enough room on the stick", cause);
    case "NoModificationAllowedError":
      return new StickError("The stick is write-protected", cause);
    case "NotAllowedError":
    case "SecurityError":
      return new StickError("This page may not write to the stick", cause);
    case "AbortError":
    case "InvalidStateError":
    case "NotReadableError":
    case "NotFoundError":
      return new StickError("The stick does not answer: was it pulled out?", cause);
    default:
      return new StickError(`The stick cannot be used: ${message.replace(/[.\s]*$/, "")}`, cause);
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
