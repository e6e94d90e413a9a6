import { readFile } from "node:fs/promises";

/**
 * Why a stick shows no piece: the codes of docs/boot-contract.md that this session can meet, and what each says. The
 * first three come from the initramfs; of the last only a browser can tell.
 */
export const PROBLEMS = {
  "no-filesystem": "there is no file system on FEDAC-PIECE",
  "no-folder": "the piece that is to start is not on this stick",
  unmountable: "the file system on FEDAC-PIECE cannot be mounted",
  "os-json-missing": "os.json is missing",
  "os-json-malformed": "os.json is malformed",
  "piece-missing": "piece.html is missing or empty",
  "piece-size": "piece.html has another size than os.json says",
  "piece-sha256": "piece.html does not match its SHA-256 in os.json",
  unreadable: "the piece on this stick cannot be read",
  "piece-not-running": "the piece does not run",
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** There is no piece to show. `message` is the text for a person. */
export class NoPieceError extends Error {
  override readonly name = "NoPieceError";
  readonly code: ProblemCode;

  constructor(code: ProblemCode, options?: ErrorOptions) {
    super(PROBLEMS[code], options);
    this.code = code;
  }
}

/**
 * What the initramfs has left in `file` (`CODE text`); undefined when there is no such file. A code that is not known here
 * counts as `unreadable`.
 */
export async function problemIn(file: string): Promise<NoPieceError | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const code = text.trim().split(" ", 1)[0] ?? "";
  return new NoPieceError(isCode(code) ? code : "unreadable", { cause: new Error(text.trim()) });
}

function isCode(word: string): word is ProblemCode {
  return Object.hasOwn(PROBLEMS, word);
}
