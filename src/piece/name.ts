import { knownArchitecture, USUAL_ARCH } from "../architectures.ts";
import { PieceNameError } from "../errors.ts";

/** The piece that `os` alone builds: AC's own front door. */
export const DEFAULT_PIECE = "prompt";

const NAME = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9_-]*$/i;
const KIDLISP = /^\$[a-z0-9]+$/i;
const LONGEST = 100;

/** AC's `validateHandle` (`lib/text.mjs` as it was in 2026), behind an at sign. */
const HANDLE = /^@[a-z0-9]+(?:[._][a-z0-9]+)*$/i;
const LONGEST_HANDLE = 16;

/** Whether `text` is a handle of AC's, as `@jeffrey`. */
export function isHandle(text: string): boolean {
  return text.length <= 1 + LONGEST_HANDLE && HANDLE.test(text);
}

/**
 * The one gate through which a piece's name comes in: `notepat`, `@handle/piece`, or KidLisp's `$code`;
 * nothing at all means `prompt`. What passes is safe in a URL's query, a file name and a shell's quotes.
 * Throws `PieceNameError`.
 */
export function parsePiece(text: string): string {
  const name = text.trim() || DEFAULT_PIECE;
  if (name.length <= LONGEST && (NAME.test(name) || KIDLISP.test(name))) return name;
  const shown = name.replace(/[^\x20-\x7e]/gu, "?");
  const short = shown.length > 32 ? `${shown.slice(0, 32)}...` : shown;
  throw new PieceNameError(`"${short}" is not the name of a piece`);
}

/** A piece's name as a word for every file system: `jeffrey-frog` for `@jeffrey/frog`. Several names may give one word. */
export function folderWord(piece: string): string {
  const readable = piece
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40);
  return readable || "piece";
}

/**
 * The finished file's name: `notepat-os.iso`, `kidlisp.cow-os.iso` for `$cow`, `frog@jeffrey-os.iso` for
 * `@jeffrey/frog`. No two pieces share one: only KidLisp's begins with a word and a dot, only a handle's has an `@`.
 * (Names that differ in capitals alone do so here too.) It begins with a letter or a digit and has nothing in it that a
 * shell would expand, that Windows, macOS or FAT refuse, or that Windows takes for a device (`con.…`). With `more` pieces
 * on the same stick it says how many: `notepat+2-os.iso`. For aarch64 it is `notepat-os-arm.img`.
 */
export function imageFileName(piece: string, more = 0, arch: string = USUAL_ARCH): string {
  return named(piece, more, knownArchitecture(arch).fileEnd);
}

/** The name of the file with a base image that has no piece: `kiosk-2026.11.24.iso`, `kiosk-2026.11.24-arm.img`. */
export function baseFileName(flavor: string, version: string, arch: string): string {
  return `${flavor}-${version}${knownArchitecture(arch).fileEnd.replace("-os", "")}`;
}

/** The name of the file that has the piece partition alone: `notepat-piece.img`, and so on as for images. */
export function partitionFileName(piece: string, more = 0): string {
  return named(piece, more, "-piece.img");
}

function named(piece: string, more: number, last: string): string {
  const end = `${more > 0 ? `+${more}` : ""}${last}`;
  const [, code] = /^\$(.*)$/.exec(piece) ?? [];
  if (code !== undefined) return `kidlisp.${code}${end}`;
  const [, handle, name = piece] = /^@(.*)\/(.*)$/.exec(piece) ?? [];
  return `${name}${handle === undefined ? "" : `@${handle}`}${end}`;
}
