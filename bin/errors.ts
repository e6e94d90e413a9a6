import { inspect } from "node:util";
import { BaseImageError, ManifestError, OsError, SignatureError } from "../src/errors.ts";
import { printError } from "./terminal.ts";

/** The command line is not one that we understand. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Run `parse` (Node's `parseArgs`), whose complaints are about usage. */
export function understand<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0], { cause: error });
  }
}

/**
 * What to do, by what went wrong. The words of src/errors.ts are for a page: here there is no private window, nothing is
 * kept for another time, and what a file here says will not change by waiting.
 */
const ADVICE: Readonly<Record<string, string>> = {
  PieceNameError: "Try a name like notepat, '$cow' or @handle/piece.",
  UnknownPieceError: "Check how it is spelled.",
  OvenError: "Try again in a minute.",
  BundleError: "Try another piece.",
  ManifestError: "Check --manifest and --flavor, or try again later.",
  SignatureError: "Do not use it; if you named a key with --key, check that.",
  BaseImageError: "Try again later.",
  ConnectionError: "Check your connection and try again.",
  NotOurStickError: "Name the folder in which the stick is mounted that was written.",
  StickFullError:
    "Make room on it, or take a larger one, and try again: what is on it already is not written again.",
  OtherSystemError:
    "Take another stick, or let it give way with --replace: it is kept, and comes back with --take-off.",
};

/**
 * What went wrong with a base image whose files are all here: a `RangeError`, which is told without advice. Other errors
 * stay as they are.
 */
export function withLocalBase(error: unknown): unknown {
  const isItsFault =
    error instanceof ManifestError || error instanceof SignatureError || error instanceof BaseImageError;
  return isItsFault ? new RangeError(error.message, { cause: error }) : error;
}

/** The longest sentence that is printed, in characters: servers choose some of the words. */
const MOST_SAID = 1000;

/** End the program with one line on standard error, and what is behind it with `OS_DEBUG=1`. */
export function fail(error: unknown): never {
  const usage = error instanceof UsageError;
  const known = usage || error instanceof RangeError || error instanceof OsError;
  const message = error instanceof Error ? error.message : String(error);
  const advice = error instanceof OsError ? (ADVICE[error.name] ?? "") : "";
  const text = error instanceof OsError ? `${message.replace(/[.\s]*$/, "")}. ${advice}`.trim() : message;
  const hint = usage ? ' ("npm run -s os -- help" says more)' : "";
  const line = text.replace(/\s+/g, " ");
  printError(`os: ${line.length > MOST_SAID ? `${line.slice(0, MOST_SAID)}…` : line}${hint}`);
  if (!known || process.env["OS_DEBUG"]) inspect(error).split("\n").forEach(printError);
  process.exit(usage ? 2 : 1);
}
