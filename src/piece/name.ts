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

/**
 * The finished file's name: `notepat-os.iso`, `kidlisp.cow-os.iso` for `$cow`, `frog@jeffrey-os.iso` for
 * `@jeffrey/frog`. No two pieces share one: only KidLisp's begins with a word and a dot, only a handle's has an `@`.
 * (Names that differ in capitals alone do so here too.) It begins with a letter or a digit and has nothing in it that a
 * shell would expand, that Windows, macOS or FAT refuse, or that Windows takes for a device (`con.…`).
 */
export function imageFileName(piece: string): string {
  const [, code] = /^\$(.*)$/.exec(piece) ?? [];
  if (code !== undefined) return `kidlisp.${code}-os.iso`;
  const [, handle, name = piece] = /^@(.*)\/(.*)$/.exec(piece) ?? [];
  return `${name}${handle === undefined ? "" : `@${handle}`}-os.iso`;
}

/** The name of the file that has the piece partition alone: `notepat-piece.img`, and so on as for images. */
export function partitionFileName(piece: string): string {
  return imageFileName(piece).replace(/-os\.iso$/, "-piece.img");
}
