import { open, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { BaseImageError, ManifestError, SaveError, SignatureError } from "../src/errors.ts";
import { parseManifest } from "../src/manifest.ts";
import { verifySignature } from "../src/minisign.ts";
import type { Bytes } from "../src/segment.ts";
import { exactly, isLatest, newest, type Base, type ReadRange } from "../src/worker/base.ts";

/** How much of a file is read at a time, in bytes. */
const CHUNK = 1024 * 1024;

/**
 * A base from files: a manifest, or a `latest.json` whose newest release of `flavor` it then is. With `keys`, one of
 * them must have signed the manifest; without, it is taken as it is. Throws `ManifestError` and `SignatureError`.
 */
export async function fileBase(
  file: string,
  flavor: string | undefined,
  keys?: readonly string[],
): Promise<Base> {
  let manifestFile = file;
  let bytes = await readWhole(file);
  let json = parseJson(file, bytes);
  if (isLatest(json)) {
    manifestFile = path.resolve(path.dirname(file), newest(json, flavor));
    bytes = await readWhole(manifestFile);
    json = parseJson(manifestFile, bytes);
  }
  if (keys) await checkSignature(manifestFile, bytes, keys);
  const manifest = parseManifest(json);
  return { manifest, read: fileRange(path.resolve(path.dirname(manifestFile), manifest.image.url)) };
}

/** Bytes `start, length` of a file, in chunks. */
export function fileRange(file: string): ReadRange {
  return async function* read(start, length, signal) {
    try {
      yield* exactly(length, chunks());
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BaseImageError) throw error;
      throw new BaseImageError(`${file} cannot be read: ${reason(error)}`, { cause: error });
    }

    async function* chunks(): AsyncGenerator<Bytes> {
      const handle = await open(file);
      try {
        for (let at = start; at < start + length;) {
          signal.throwIfAborted();
          const chunk = new Uint8Array(Math.min(CHUNK, start + length - at));
          const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
          if (bytesRead === 0) return;
          yield chunk.subarray(0, bytesRead);
          at += bytesRead;
        }
      } finally {
        await handle.close();
      }
    }
  };
}

/**
 * Write `chunks` to `file`, which appears whole or not at all: until the last byte it is called
 * `<file>.<process>.part`. A number stands for so many zeros, which become a hole. Throws `SaveError` when the disk
 * will not take it, and passes on what `chunks` throws.
 */
export async function writeWhole(file: string, chunks: AsyncIterable<Bytes | number>): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  const saving = async <T>(step: Promise<T>): Promise<T> => {
    try {
      return await step;
    } catch (error) {
      throw new SaveError(`${file} cannot be written: ${reason(error)}`, { cause: error });
    }
  };
  const there = await stat(file).catch(() => undefined); // nothing, mostly
  if (there && !there.isFile()) {
    throw new SaveError(`${file} is there, and is not a file: write the image to one, and that to a stick`);
  }
  const handle = await saving(open(part, "wx"));
  try {
    let at = 0;
    for await (const chunk of chunks) {
      if (typeof chunk === "number") at += chunk;
      else {
        for (let done = 0; done < chunk.length;) {
          done += (await saving(handle.write(chunk, done, chunk.length - done, at + done))).bytesWritten;
        }
        at += chunk.length;
      }
    }
    await saving(handle.truncate(at));
    await saving(handle.sync());
    await saving(handle.close());
    await saving(rename(part, file));
  } catch (error) {
    await handle.close().catch(() => {}); // closed already, or as broken as the error says
    await rm(part, { force: true });
    throw error;
  }
}

/** What a system error means to a person. */
export function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: "there is no such file or folder",
    EACCES: "permission denied",
    EISDIR: "it is a folder",
    ENOTDIR: "part of its path is not a folder",
    ENOSPC: "the disk is full",
  };
  return known[code ?? ""] ?? (error instanceof Error ? error.message : String(error));
}

async function checkSignature(file: string, bytes: Bytes, keys: readonly string[]): Promise<void> {
  let signature: string;
  try {
    signature = await readFile(`${file}.minisig`, "utf8");
  } catch (error) {
    throw new SignatureError(`The signature ${file}.minisig cannot be read: ${reason(error)}`, {
      cause: error,
    });
  }
  await verifySignature(bytes, signature, keys);
}

async function readWhole(file: string): Promise<Bytes> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (error) {
    throw new ManifestError(`The manifest ${file} cannot be read: ${reason(error)}`, { cause: error });
  }
}

function parseJson(file: string, bytes: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ManifestError(`The manifest ${file} is not JSON`, { cause: error });
  }
}
