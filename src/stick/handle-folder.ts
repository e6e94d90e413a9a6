import { StickError, StickFullError } from "../errors.ts";
import type { Bytes } from "../bytes/segment.ts";
import { IN_THE_WAY, PLUG_IN, stickCalls, type StickFolder } from "./folder.ts";

/** A file is read in parts of this many bytes. */
const PART = 4 * 1024 * 1024;

const { step, orNothing } = stickCalls(
  asStickError,
  (error) => isNamed(error, "NotFoundError") || isNamed(error, "TypeMismatchError"), // a folder, or a file
);

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
    async list(path) {
      const names = async () => {
        const entries = [];
        for await (const { name, kind } of (await directory(path, false)).values())
          entries.push({ name, kind });
        return entries;
      };
      return path === "/" ? await step(names()) : await orNothing([], names);
    },
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
        if (found !== size)
          throw new StickError(`${path} came to ${found} of ${size} bytes on the stick. ${PLUG_IN}`);
      } catch (error) {
        await file?.abort().catch(() => {}); // closed already, or as broken as the error says
        if (before.size === 0) await parent.removeEntry(nameOf(path)).catch(() => {}); // we made it
        throw error;
      }
    },
    remove: (path) =>
      orNothing(undefined, async () => {
        const parent = await parentOf(path, false);
        await parent.getFileHandle(nameOf(path)); // rejects for a folder, which goes as well if it is empty
        await parent.removeEntry(nameOf(path));
      }),
    removeEmpty: (path) =>
      orNothing(undefined, async () => {
        const parent = await parentOf(path, false);
        await parent.getDirectoryHandle(nameOf(path)); // rejects for a file, which would go
        await parent.removeEntry(nameOf(path)).catch((error: unknown) => {
          if (!isNamed(error, "InvalidModificationError")) throw error; // something is in it
        });
      }),
  };
}

/** From so many milliseconds of an odd second on the probe is written, and until so many. */
const PROBE_FROM = 1100;
const PROBE_UNTIL = 1500;
/** How often a stick is probed on which a small file takes longer than the rest of the second. */
const PROBES = 3;

/**
 * Whether a folder that a person chose is on FAT, the file system that firmware starts from: its times are in steps of two
 * seconds, so a file written in an odd second says another one. (NTFS, ext4 and APFS have finer steps than milliseconds,
 * exFAT steps of ten milliseconds, HFS+ whole seconds.) Takes up to two seconds, and longer on a slow stick. Throws
 * `StickError`.
 */
export async function looksLikeFat(
  root: FileSystemDirectoryHandle,
  now: () => number = Date.now,
  wait: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
): Promise<boolean> {
  const name = `os-probe-${crypto.randomUUID().slice(0, 8)}.txt`; // nobody's file
  try {
    for (let tries = 1; ; tries++) {
      for (let at = now() % 2000; at < PROBE_FROM || at >= PROBE_UNTIL; at = now() % 2000) {
        await wait((PROBE_FROM - at + 2000) % 2000);
      }
      const started = now();
      const handle = await step(root.getFileHandle(name, { create: true }));
      const file = await step(handle.createWritable());
      await step(file.write("os looks what kind of stick this is"));
      await step(file.close());
      const { lastModified } = await step(handle.getFile());
      if (lastModified % 2000 !== 0) return false;
      const inTheSecond = now() - started < 2000 - PROBE_UNTIL;
      if (inTheSecond || tries === PROBES) return true;
    }
  } finally {
    await root.removeEntry(name).catch(() => {}); // gone with the stick
  }
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
      return new StickError("The stick is write-protected: look for a switch on it, or take another", cause);
    case "NotAllowedError":
    case "SecurityError":
      return new StickError(
        "This page may not write to the stick: choose it again, and let the page edit its files",
        cause,
      );
    case "TypeMismatchError":
      return new StickError(IN_THE_WAY, cause);
    case "AbortError":
    case "InvalidStateError":
    case "NotReadableError":
    case "NotFoundError":
      return new StickError(`The stick does not answer: was it pulled out? ${PLUG_IN}`, cause);
    default:
      return new StickError(`The stick cannot be used: ${message.replace(/[.\s]*$/, "")}. ${PLUG_IN}`, cause);
  }
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
