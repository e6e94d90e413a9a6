import { open, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { BaseImageError, ManifestError, SaveError, SignatureError } from "../src/errors.ts";
import { parseManifest, windowsOf } from "../src/release/manifest.ts";
import { verifySignature } from "../src/release/minisign.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { lengthOfWindow, type Windows } from "../src/release/windows.ts";
import { isLatest, newest } from "../src/release/list.ts";
import type { Base } from "../src/image/image.ts";
import type { Seed } from "../src/fetch/seed.ts";
import { RetryPolicy } from "../src/fetch/retry.ts";

/**
 * A base from files: a manifest, or a `latest.json` whose newest release of `flavor` it then is. With `keys`, one of
 * them must have signed the manifest; without, it is taken as it is. Throws `ManifestError` and `SignatureError`.
 */
export async function fileBase(
  file: string,
  wanted: { readonly flavor?: string | undefined; readonly keys?: readonly string[] | undefined },
): Promise<Base> {
  let manifestFile = file;
  let bytes = await readManifest(file);
  const json = parseJson(bytes, file);
  if (isLatest(json)) {
    manifestFile = path.resolve(path.dirname(file), newest(json, wanted).manifest);
    bytes = await readManifest(manifestFile);
  }
  if (wanted.keys) await checkSignature(manifestFile, bytes, wanted.keys);
  const manifest = parseManifest(parseJson(bytes, manifestFile));
  const image = path.resolve(path.dirname(manifestFile), manifest.image.url);
  return {
    manifest,
    sources: { servers: [], retry: new RetryPolicy(), seeds: [imageSeed(image, windowsOf(manifest))] },
  };
}

/** The windows of an image in a file. Reading throws `BaseImageError` when the file cannot be read. */
export function imageSeed(file: string, windows: Windows): Seed {
  return {
    has: () => true,
    async read(index, pool) {
      const bytes = pool.acquire(lengthOfWindow(windows, index));
      try {
        const handle = await open(file);
        try {
          const { bytesRead } = await handle.read(bytes, 0, bytes.length, index * windows.window);
          if (bytesRead < bytes.length)
            throw new Error(`it ends at ${index * windows.window + bytesRead} bytes`);
        } finally {
          await handle.close();
        }
      } catch (error) {
        throw new BaseImageError(`${file} cannot be read: ${reason(error)}`, { cause: error });
      }
      return bytes;
    },
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

/** What a system error means, in words. */
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

async function readManifest(file: string): Promise<Bytes> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (error) {
    throw new ManifestError(`The manifest ${file} cannot be read: ${reason(error)}`, { cause: error });
  }
}

function parseJson(bytes: Bytes, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new ManifestError(`The manifest ${file} is not JSON`, { cause: error });
  }
}
