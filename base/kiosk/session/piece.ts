import { createHash } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Allowance } from "../../../src/allowances.ts";
import {
  type ListedPiece,
  type Listing,
  OS_JSON_LIMIT,
  parseListing,
  PIECES,
} from "../../../src/image/os-json.ts";
import { MOST_PIXELS, pngSize } from "../../../src/splash/png-size.ts";
import { NoPieceError, type ProblemCode, PROBLEMS, problemIn } from "./problem.ts";

/** A piece on the stick. */
export interface Piece {
  /** Its folder in `/pieces`; "" for the only one. */
  readonly folder: string;
  readonly name: string;
  /** What it may use. */
  readonly allow: readonly Allowance[];
  /** What `os.json` allows and this session does not know: it is allowed nothing by that. */
  readonly unknown: readonly unknown[];
  /** Of its page, in lower-case hex. */
  readonly sha256: string;
  /** Its page, as it was made; or why it cannot be shown. */
  readonly html: Buffer | NoPieceError;
  /** Its picture for the menu, if it has one that can be shown. */
  readonly splash: Buffer | undefined;
}

/** What is on the stick. */
export interface Found {
  /** What is shown first: `MENU`, or a folder. */
  readonly start: string;
  readonly pieces: readonly [Piece, ...Piece[]];
}

/** Bytes of the largest piece.html that is read into memory: the largest partition of a base so far. */
const HTML_LIMIT = 64 * 1024 * 1024;
/** And of a picture for the menu: those that are made have 20 KB at most. */
const SPLASH_LIMIT = 1024 * 1024;

/**
 * Read what is on the stick that is mounted on `directory`. Anybody may have written it, so every piece is checked against
 * `os.json` before anything of it is used; of several, one that is not whole keeps the others from nothing. `problem` is the
 * file in which the initramfs says why there is nothing to read. Throws `NoPieceError`, also for an only piece that is not
 * whole.
 */
export async function readStick(directory: string, problem: string): Promise<Found> {
  const found = await problemIn(problem);
  if (found) throw found;
  const { start, pieces } = await readOsJson(join(directory, "os.json"));
  const read: Piece[] = [];
  for (const piece of pieces) read.push(await readPiece(directory, piece));
  const [first, ...others] = read;
  if (first!.folder === "" && first!.html instanceof NoPieceError) throw first!.html;
  return { start, pieces: [first!, ...others] };
}

/** What the serial console is told of a stick whose pieces have been read (docs/boot-contract.md). */
export function linesOf({ start, pieces }: Found): string[] {
  const lines = pieces.map(({ name, sha256, html }) =>
    html instanceof NoPieceError ? noPiece(html.code) : `PIECE ${name} ${sha256} ${html.length}`,
  );
  return pieces[0].folder === "" ? lines : [`PIECES ${pieces.length} ${start}`, ...lines];
}

/** The line for a stick without a piece. */
export function noPiece(code: ProblemCode): string {
  return `NOPIECE ${code} ${PROBLEMS[code]}`;
}

async function readPiece(directory: string, listed: ListedPiece): Promise<Piece> {
  const { folder, piece: name, allow, unknown, sha256 } = listed;
  const place = folder === "" ? directory : join(directory, PIECES, folder);
  const html = await readHtml(place, listed).catch((error: unknown) => {
    if (error instanceof NoPieceError) return error;
    throw error;
  });
  const splash =
    folder === ""
      ? undefined
      : await ordinaryFile(join(place, "splash.png"), SPLASH_LIMIT, "piece-missing").catch(() => undefined);
  const size = splash && pngSize(splash);
  const fits = size !== undefined && size.width * size.height <= MOST_PIXELS;
  return { folder, name, allow, unknown, sha256, html, splash: fits ? splash : undefined };
}

async function readHtml(place: string, { size, sha256 }: ListedPiece): Promise<Buffer> {
  if (await isLinked(place)) throw new NoPieceError("piece-missing");
  const html = await ordinaryFile(join(place, "piece.html"), HTML_LIMIT, "piece-missing");
  if (html.length !== size) throw new NoPieceError("piece-size");
  if (createHash("sha256").update(html).digest("hex") !== sha256) throw new NoPieceError("piece-sha256");
  return html;
}

/** Whether a folder of the stick, or the one that it is in, is a link, which could lead anywhere. */
async function isLinked(place: string): Promise<boolean> {
  const folders = await Promise.all(
    [place, dirname(place)].map(async (path) => await lstat(path).catch(() => undefined)),
  );
  return folders.some((folder) => folder?.isSymbolicLink());
}

async function readOsJson(path: string): Promise<Listing> {
  const bytes = await ordinaryFile(path, OS_JSON_LIMIT, "os-json-missing");
  try {
    return parseListing(bytes.toString());
  } catch (cause) {
    throw new NoPieceError("os-json-malformed", { cause });
  }
}

/**
 * The bytes of an ordinary file that is neither empty nor larger than `limit`. A link is not followed: it could lead
 * anywhere. Throws `NoPieceError`, with the code `missing` when there is no such file.
 */
async function ordinaryFile(path: string, limit: number, missing: ProblemCode): Promise<Buffer> {
  try {
    const found = await lstat(path);
    if (found.isFile() && found.size > 0 && found.size <= limit) return await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw new NoPieceError("unreadable", { cause });
  }
  throw new NoPieceError(missing);
}
