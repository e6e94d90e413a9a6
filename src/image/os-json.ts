import { type Allowance, allowancesOf } from "../allowances.ts";
import { isHandle } from "../piece/name.ts";

/**
 * `os.json` on the piece partition says which piece the stick holds (docs/boot-contract.md). The kiosk runs this module on
 * the stick, where there are no packages.
 */
export interface OsJson {
  readonly format: 1;
  /** The piece's name: 1 to 100 of the characters A-Z a-z 0-9 @ $ / _ . - */
  readonly piece: string;
  /** Of `piece.html`, in bytes. */
  readonly size: number;
  /** Of `piece.html`, in lower-case hex. */
  readonly sha256: string;
  /** Which base image it was made from: words for people, which no reader decides by. */
  readonly base: string;
  /** What the piece may use; nothing when a stick does not say, so that a newer base widens nothing. */
  readonly allow: readonly Allowance[];
  /** Who has built it: a handle of AC's, as `@jeffrey`, where they wanted it said. For people. */
  readonly by?: string | undefined;
}

/** What an `os.json` says to this reader. */
export interface ParsedOsJson extends OsJson {
  /** What stands in its `allow` and is no allowance here, or an `allow` that is no list: it allows nothing. */
  readonly unknown: readonly unknown[];
}

/** A piece among several, as `os.json` of format 2 lists it. */
export interface ListedPiece {
  /** Where it is: `/pieces/FOLDER` on the piece partition; "" for the only piece of format 1, which is at the top. */
  readonly folder: string;
  readonly piece: string;
  readonly size: number;
  readonly sha256: string;
  /** What this one may use, and no other. */
  readonly allow: readonly Allowance[];
  /** As in `ParsedOsJson`. */
  readonly unknown: readonly unknown[];
}

/** What a piece partition holds, in either format. */
export interface Listing {
  /** What the machine shows first: the menu, or the piece in that folder. */
  readonly start: string;
  /** One with an empty folder, or up to `MOST_PIECES`, in the order of the menu. */
  readonly pieces: readonly [ListedPiece, ...ListedPiece[]];
  readonly base: string;
  readonly by?: string | undefined;
}

/** Where several pieces lie, in a folder each. */
export const PIECES = "pieces";

/** What `start` says for the menu: no folder is called so. */
export const MENU = "menu";

/** The most pieces that a stick offers: a menu with more is none, and the kiosk's browser has an address for each. */
export const MOST_PIECES = 32;

/** No `os.json` is longer, in bytes: those that are made have a few hundred. */
export const OS_JSON_LIMIT = 64 * 1024;

const NAME = /^[A-Za-z0-9@$/_.-]{1,100}$/;
const SHA256 = /^[0-9a-f]{64}$/;
/** A folder's name is a word for shells, addresses and every file system. */
const FOLDER = /^[a-z0-9_][a-z0-9_-]{0,63}$/;

/**
 * The text of `os.json`: one key a line, since a shell script reads it with sed. Throws `RangeError` for what no reader
 * would take.
 */
export function formatOsJson({ format, piece, size, sha256, base, allow, by }: OsJson): string {
  const keys = {
    format,
    piece,
    size,
    sha256,
    base,
    allow: allowancesOf(allow).allow,
    ...(by !== undefined && { by }),
  };
  const lines = Object.entries(keys).map(
    ([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  const text = `{\n${lines.join(",\n")}\n}\n`;
  parseOsJson(text);
  const { unknown } = allowancesOf(allow);
  if (unknown.length > 0) throw new RangeError(`no piece can be allowed ${JSON.stringify(unknown)}`);
  if (by !== undefined && !isHandle(by)) throw new RangeError(`${JSON.stringify(by)} is no handle`);
  return text;
}

/**
 * The text of an `os.json` of format 2: one key a line, and one piece a line, since shell scripts read it. Throws
 * `RangeError` for what no reader would take.
 */
export function formatListing({ start, pieces, base, by }: Listing): string {
  const lines = pieces.map(({ folder, piece, size, sha256, allow }) => {
    const keys = { folder, piece, size, sha256, allow: allowancesOf(allow).allow };
    const words = Object.entries(keys).map(
      ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
    );
    return `    {${words.join(", ")}}`;
  });
  const common = Object.entries({ format: 2, start, base, ...(by !== undefined && { by }) });
  const text = `{\n${common.map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`).join("")}  "pieces": [\n${lines.join(",\n")}\n  ]\n}\n`;
  parseListing(text);
  const unknown = pieces.flatMap(({ allow }) => allowancesOf(allow).unknown);
  if (unknown.length > 0) throw new RangeError(`no piece can be allowed ${JSON.stringify(unknown)}`);
  if (by !== undefined && !isHandle(by)) throw new RangeError(`${JSON.stringify(by)} is no handle`);
  return text;
}

/** What the text of an `os.json` of either format says. Throws `RangeError` when it is neither. */
export function parseListing(text: string): Listing {
  const { format, start, pieces, base = "", by } = objectIn(text);
  if (format !== 2) {
    const { base: of, by: who, piece, size, sha256, allow, unknown } = parseOsJson(text);
    return { start: "", pieces: [{ folder: "", piece, size, sha256, allow, unknown }], base: of, by: who };
  }
  if (!Array.isArray(pieces) || pieces.length === 0) throw new RangeError("os.json lists no pieces");
  if (pieces.length > MOST_PIECES) throw new RangeError(`os.json lists more than ${MOST_PIECES} pieces`);
  const [first, ...others] = pieces.map(listedPiece);
  const listed: Listing["pieces"] = [first!, ...others];
  const folders = new Set(listed.map(({ folder }) => folder));
  if (folders.size !== listed.length) throw new RangeError("os.json lists two pieces in one folder");
  if (typeof start !== "string" || !(start === MENU || folders.has(start))) {
    throw new RangeError("os.json starts what it does not list");
  }
  if (typeof base !== "string") throw new RangeError("os.json names no base");
  const builder = typeof by === "string" && isHandle(by) ? { by } : {};
  return { start, pieces: listed, base, ...builder };
}

function listedPiece(entry: unknown): ListedPiece {
  const { folder, ...piece } = { ...(entry as Record<string, unknown> | null) };
  if (typeof folder !== "string" || !FOLDER.test(folder) || folder === MENU) {
    throw new RangeError("os.json gives no folder for a piece");
  }
  return { folder, ...pieceOf(piece) };
}

/** What the text of an `os.json` of format 1 says, which is that of one piece. Throws `RangeError` when it is not one. */
export function parseOsJson(text: string): ParsedOsJson {
  const { base = "", by, format, ...rest } = objectIn(text);
  if (format !== 1) throw new RangeError("os.json has another format than 1");
  const piece = pieceOf(rest);
  if (typeof base !== "string") throw new RangeError("os.json names no base");
  // Nothing depends on who has built it, so what is no handle is passed over, as a key that is not known
  const builder = typeof by === "string" && isHandle(by) ? { by } : {};
  return { format, ...piece, base, ...builder };
}

/** What is said of one piece in both formats. */
function pieceOf({ piece, size, sha256, allow = [] }: Record<string, unknown>): Omit<ListedPiece, "folder"> {
  if (typeof piece !== "string" || !NAME.test(piece)) throw new RangeError("os.json names no piece");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new RangeError("os.json gives no size");
  }
  if (typeof sha256 !== "string" || !SHA256.test(sha256)) throw new RangeError("os.json gives no SHA-256");
  const allowances = Array.isArray(allow) ? allowancesOf(allow) : { allow: [], unknown: [allow] };
  return { piece, size, sha256, ...allowances };
}

function objectIn(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as Record<string, unknown> | null) };
  } catch (cause) {
    throw new RangeError("os.json is not JSON", { cause });
  }
}
