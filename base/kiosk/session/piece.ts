import { createHash } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Allowance } from "../../../src/allowances.ts";
import { OS_JSON_LIMIT, parseOsJson, type ParsedOsJson } from "../../../src/image/os-json.ts";
import { NoPieceError, type ProblemCode, problemIn } from "./problem.ts";

/** A piece that is on the stick as it was made. */
export interface Piece {
  readonly name: string;
  /** Of `html`, in lower-case hex. */
  readonly sha256: string;
  readonly html: Buffer;
  /** What it may use. */
  readonly allow: readonly Allowance[];
  /** What `os.json` allows and this session does not know: it is allowed nothing by that. */
  readonly unknown: readonly unknown[];
}

/** Bytes of the largest piece.html that is read into memory. The partition has 20 MiB. */
const HTML_LIMIT = 64 * 1024 * 1024;

/**
 * Read the piece in `directory`. Anybody may have written it, so it is checked against `os.json` before anything of it is
 * used. `problem` is the file in which the initramfs says why there is nothing to read. Throws `NoPieceError`.
 */
export async function readPiece(directory: string, problem: string): Promise<Piece> {
  const found = await problemIn(problem);
  if (found) throw found;
  const os = await readOsJson(join(directory, "os.json"));
  const html = await ordinaryFile(join(directory, "piece.html"), HTML_LIMIT, "piece-missing");
  if (html.length !== os.size) throw new NoPieceError("piece-size");
  if (createHash("sha256").update(html).digest("hex") !== os.sha256) throw new NoPieceError("piece-sha256");
  return { name: os.piece, sha256: os.sha256, html, allow: os.allow, unknown: os.unknown };
}

async function readOsJson(path: string): Promise<ParsedOsJson> {
  const bytes = await ordinaryFile(path, OS_JSON_LIMIT, "os-json-missing");
  try {
    return parseOsJson(bytes.toString());
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
