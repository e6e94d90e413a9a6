/**
 * `os.json` on the piece partition says which piece the stick holds (docs/boot-contract.md). The kiosk runs this module on
 * the stick, where there are no packages: it imports nothing.
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
}

/** No `os.json` is longer, in bytes: those that are made have a few hundred. */
export const OS_JSON_LIMIT = 64 * 1024;

const NAME = /^[A-Za-z0-9@$/_.-]{1,100}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * The text of `os.json`: one key a line, since a shell script reads it with sed. Throws `RangeError` for what no reader
 * would take.
 */
export function formatOsJson({ format, piece, size, sha256, base }: OsJson): string {
  const text = `${JSON.stringify({ format, piece, size, sha256, base }, null, 2)}\n`;
  parseOsJson(text);
  return text;
}

/** What the text of an `os.json` says. Throws `RangeError` when it is not one. */
export function parseOsJson(text: string): OsJson {
  const { format, piece, size, sha256, base = "" } = objectIn(text);
  if (format !== 1) throw new RangeError("os.json has another format than 1");
  if (typeof piece !== "string" || !NAME.test(piece)) throw new RangeError("os.json names no piece");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new RangeError("os.json gives no size");
  }
  if (typeof sha256 !== "string" || !SHA256.test(sha256)) throw new RangeError("os.json gives no SHA-256");
  if (typeof base !== "string") throw new RangeError("os.json names no base");
  return { format, piece, size, sha256, base };
}

function objectIn(text: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(text) as Record<string, unknown> | null) };
  } catch (cause) {
    throw new RangeError("os.json is not JSON", { cause });
  }
}
