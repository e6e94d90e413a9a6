import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { BufferPool } from "../src/bytes/buffer-pool.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { SaveError } from "../src/errors.ts";
import { openImage, type Image } from "../src/image/image.ts";
import { parsePiece } from "../src/piece/name.ts";
import { WINDOW } from "../src/release/manifest.ts";
import { asTold, BASE_OPTIONS, openBase } from "./base.ts";
import { understand } from "./errors.ts";
import { writeWhole } from "./output.ts";
import { openPiece, PIECE_OPTIONS } from "./piece.ts";
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
      options: { ...BASE_OPTIONS, ...PIECE_OPTIONS, out: { type: "string" } },
    }),
  );
}

async function make({ values, positionals }: ReturnType<typeof parse>): Promise<void> {
  const name = parsePiece(positionals.join(" ")); // before anything is fetched
  const stop = new AbortController(); // a signal ends the whole program, so nothing aborts it
  const base = await openBase(values, stop.signal);
  const piece = await openPiece(name, values, base, stop.signal);
  const image = await openImage(base, piece, stop.signal);
  await base.recordSeen();

  if (piece.settings) process.umask(0o077); // passphrases are in it: for whoever makes it, and no other user here
  const out = values.out ?? image.info.fileName;
  await writeWhole(out, hashedChunks(image));
  print(`${out}: ${image.info.size} bytes, SHA-256 ${image.info.sha256}`);
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
