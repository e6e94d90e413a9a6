import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type Arch, knownArchitecture } from "../src/architectures.ts";
import { BufferPool } from "../src/bytes/buffer-pool.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { SaveError } from "../src/errors.ts";
import { chunksOf } from "../src/ext4/chunks.ts";
import { openImage, type Image } from "../src/image/image.ts";
import { type PartitionContents, planPartition } from "../src/image/plan.ts";
import type { ImageInfo } from "../src/messages.ts";
import { partitionFileName } from "../src/piece/name.ts";
import { WINDOW, windowsOf } from "../src/release/manifest.ts";
import { asTold, BASE_OPTIONS, openBase, type OpenBase } from "./base.ts";
import { understand, UsageError } from "./errors.ts";
import { olderBase } from "./from-older.ts";
import { imagerManifest, imagerManifestName } from "./imager.ts";
import { type Input, openInput, readAt } from "./input.ts";
import { inputSeed } from "./input-seed.ts";
import { architectureIn } from "./named-base.ts";
import { writeWhole } from "./output.ts";
import { openPieces, parseStart, parseWish, PIECE_OPTIONS } from "./piece.ts";
import { print, showProgress } from "./terminal.ts";

/**
 * `os build`: make an image as the page does, from the command line. Throws `UsageError`, `RangeError` for a file that
 * cannot be used, and the errors of `src/errors.ts`.
 */
export async function build(args: string[]): Promise<void> {
  const parsed = parse(args);
  try {
    await make(parsed);
  } catch (error) {
    throw asTold(error, parsed.values);
  }
}

function parse(args: string[]) {
  return understand(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...BASE_OPTIONS,
        ...PIECE_OPTIONS,
        out: { type: "string" },
        "only-piece": { type: "boolean", default: false },
        from: { type: "string" },
        start: { type: "string" },
      },
    }),
  );
}

async function make({ values, positionals }: ReturnType<typeof parse>): Promise<void> {
  const { from, "only-piece": onlyPiece } = values;
  if (onlyPiece && from !== undefined) {
    throw new UsageError("--only-piece needs no base, so it takes none --from an image");
  }
  const wish = parseWish(positionals, values); // before anything is fetched
  const start = parseStart(wish, values.start);
  const input = from === undefined ? undefined : await openInput(from, { disks: true });
  const stop = new AbortController(); // a signal ends the whole program, so nothing aborts it
  const arch = input && (await architectureOfInput(from ?? "", input));
  const base = await openBase({ ...values, arches: arch && [arch] }, stop.signal);
  const contents = { ...(await openPieces(wish, values, base, stop.signal)), start };
  if (contents.settings) process.umask(0o077); // passphrases are in it: for whoever makes it, and no other user here
  if (onlyPiece) return await makePartition(base, contents, values.out);
  const { sources } = base;
  const basis = input && (await olderBase(from ?? "", input, base, stop.signal));
  const seeds = input && !basis ? [inputSeed(from ?? "", input, windowsOf(base.manifest))] : [];
  const image = await openImage(
    {
      manifest: base.manifest,
      sources: {
        ...sources,
        seeds: [...seeds, ...sources.seeds],
        basis,
      },
    },
    contents,
    stop.signal,
  );
  await base.recordSeen();
  if (basis) {
    const { download, here } = image.info;
    print(
      `${megabytes(download - here)} of ${megabytes(download)} are to be fetched: the rest is in ${from}.`,
    );
  }

  const out = values.out ?? image.info.fileName;
  await writeWhole(out, hashedChunks(image));
  await input?.handle.close();
  tellPieces(contents.pieces, image.info.start);
  print(`${out}: ${image.info.size} bytes, SHA-256 ${image.info.sha256}`);
  if (input && sources.servers.length > 0) {
    print(`${sources.retry.fetched} bytes of the base were fetched; the rest of it came from ${from}.`);
  }
  if (knownArchitecture(image.info.base.arch).onCards && (await stat(out).catch(() => undefined))?.isFile()) {
    await writeImagerManifest(out, image.info);
  }
}

/** What Raspberry Pi Imager verifies the image in `file` by. Throws `SaveError`, which says that the image is whole. */
async function writeImagerManifest(file: string, info: ImageInfo): Promise<void> {
  const manifest = imagerManifestName(file);
  try {
    await writeWhole(manifest, oneChunk(imagerManifest(file, info)));
  } catch (error) {
    if (!(error instanceof SaveError)) throw error;
    throw new SaveError(
      `${file} is whole, but Raspberry Pi Imager has nothing to verify it by: ${error.message}`,
      { cause: error },
    );
  }
  print(
    `${manifest}: for Raspberry Pi Imager, which then verifies what it writes. The image must stay where it is.`,
  );
}

async function* oneChunk(text: string): AsyncGenerator<Bytes> {
  yield new TextEncoder().encode(text);
}

/** What an image is for: without `--arch`, what replaces it is for the same computers. */
async function architectureOfInput(file: string, { handle, size }: Input): Promise<Arch | undefined> {
  return await architectureIn((start, length) => readAt(file, handle, start, new Uint8Array(length)), size);
}

/** Of several pieces what the machine shows first. */
function tellPieces(pieces: readonly unknown[], start: string | undefined): void {
  if (pieces.length > 1) print(`${pieces.length} pieces; it starts with ${start ?? "the menu"}.`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The piece partition alone, for a stick that has the base already. */
async function makePartition(
  base: OpenBase,
  contents: PartitionContents,
  file: string | undefined,
): Promise<void> {
  const { segments, pieces } = await planPartition(base.manifest, contents);
  await base.recordSeen();
  const out = file ?? partitionFileName(pieces[0].name, pieces.length - 1);
  const hash = createHash("sha256");
  async function* hashed(): AsyncGenerator<Bytes> {
    for await (const chunk of chunksOf(segments)) {
      hash.update(chunk);
      yield chunk;
    }
  }
  await writeWhole(out, hashed());
  print(`${out}: ${base.manifest.piecePartition.length} bytes, SHA-256 ${hash.digest("hex")}`);
}

/**
 * The image's chunks, with progress. All of them are hashed, also the base's, which a browser leaves to the digests of
 * windows. Throws `SaveError` unless they have the SHA-256 that was announced.
 */
async function* hashedChunks(image: Image): AsyncGenerator<Bytes> {
  const hash = createHash("sha256");
  const pool = new BufferPool(WINDOW);
  const { info } = image;
  let written = 0;
  for await (const chunk of image.chunks(pool)) {
    hash.update(chunk);
    yield chunk;
    pool.release(chunk.buffer); // written, since we were asked for more
    written += chunk.length;
    showProgress(`${Math.floor((100 * written) / info.size)} %`);
  }
  showProgress("");
  const found = hash.digest("hex");
  if (found !== info.sha256) {
    throw new SaveError(`The image has SHA-256 ${found} instead of ${info.sha256}`);
  }
}
