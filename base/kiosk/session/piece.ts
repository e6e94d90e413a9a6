import { createHash } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A piece that is on the stick as it was made. */
export interface Piece {
  readonly name: string;
  readonly sha256: string;
  readonly html: Buffer;
}

/** Why there is none; `message` is a line for the serial console and for the person. */
export class NoPieceError extends Error {
  override readonly name = "NoPieceError";
}

/** No file on the piece partition can be larger, so nothing larger is read into memory: the partition has 20 MiB. */
const LARGEST = 64 * 1024 * 1024;
const LARGEST_OS_JSON = 64 * 1024;
const NAME = /^[A-Za-z0-9@$/_.-]{1,100}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Read the piece in `directory`, which somebody else has written: nothing of it is used before it is checked
 * against `os.json`. `problem` is a file in which the initramfs says why there is nothing to read. Throws
 * `NoPieceError`.
 */
export async function readPiece(directory: string, problem: string): Promise<Piece> {
  const said = await readFile(problem, "utf8").catch(() => "");
  if (said.trim()) throw new NoPieceError(said.trim());
  const { name, size, sha256 } = await readNames(join(directory, "os.json"));
  const html = await plain(join(directory, "piece.html"), LARGEST);
  if (!html) throw new NoPieceError("piece.html is missing or empty");
  if (html.length !== size) throw new NoPieceError("piece.html has another size than os.json says");
  if (createHash("sha256").update(html).digest("hex") !== sha256) {
    throw new NoPieceError("piece.html does not match its SHA-256 in os.json");
  }
  return { name, sha256, html };
}

async function readNames(path: string) {
  const bytes = await plain(path, LARGEST_OS_JSON);
  if (!bytes) throw new NoPieceError("os.json is missing");
  let json: Record<string, unknown> | null;
  try {
    json = JSON.parse(bytes.toString()) as Record<string, unknown> | null;
  } catch (cause) {
    throw new NoPieceError("os.json is malformed", { cause });
  }
  const { format, piece: name, size, sha256 } = json ?? {};
  const sound =
    format === 1 &&
    typeof name === "string" &&
    NAME.test(name) &&
    typeof size === "number" &&
    typeof sha256 === "string" &&
    SHA256.test(sha256);
  if (!sound) throw new NoPieceError("os.json is malformed");
  return { name, size, sha256 };
}

/** The bytes of an ordinary file with something in it; a link could lead anywhere. */
async function plain(path: string, largest: number): Promise<Buffer | undefined> {
  try {
    const found = await lstat(path);
    return found.isFile() && found.size > 0 && found.size <= largest ? await readFile(path) : undefined;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new NoPieceError("the piece on this stick cannot be read", { cause });
  }
}
