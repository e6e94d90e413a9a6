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

/** No `os.json` is longer, in bytes: those that are made have a few hundred. */
export const OS_JSON_LIMIT = 64 * 1024;

const NAME = /^[A-Za-z0-9@$/_.-]{1,100}$/;
const SHA256 = /^[0-9a-f]{64}$/;

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

/** What the text of an `os.json` says. Throws `RangeError` when it is not one. */
export function parseOsJson(text: string): ParsedOsJson {
  const { format, piece, size, sha256, base = "", allow = [], by } = objectIn(text);
  if (format !== 1) throw new RangeError("os.json has another format than 1");
  if (typeof piece !== "string" || !NAME.test(piece)) throw new RangeError("os.json names no piece");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new RangeError("os.json gives no size");
  }
  if (typeof sha256 !== "string" || !SHA256.test(sha256)) throw new RangeError("os.json gives no SHA-256");
  if (typeof base !== "string") throw new RangeError("os.json names no base");
  const allowances = Array.isArray(allow) ? allowancesOf(allow) : { allow: [], unknown: [allow] };
  // Nothing depends on who has built it, so what is no handle is passed over, as a key that is not known
  const builder = typeof by === "string" && isHandle(by) ? { by } : {};
  return { format, piece, size, sha256, base, ...allowances, ...builder };
}

function objectIn(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as Record<string, unknown> | null) };
  } catch (cause) {
    throw new RangeError("os.json is not JSON", { cause });
  }
}
