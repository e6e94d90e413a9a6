/**
 * One class for each thing a person can be told. `message` says what happened, with numbers; `advice`
 * says what to do. Only `name` and `message` are sure to survive a thread, so the advice goes by name.
 */
export class OsError extends Error {
  override readonly name: string = "OsError";
}

/** The words after `os` are not the name of a piece. */
export class PieceNameError extends OsError {
  override readonly name = "PieceNameError";
}

/** The oven does not know the piece. */
export class UnknownPieceError extends OsError {
  override readonly name = "UnknownPieceError";
}

/** The oven cannot be reached, or answers with an error. */
export class OvenError extends OsError {
  override readonly name = "OvenError";
}

/** What the oven sent is not a piece, or does not fit the piece partition. */
export class BundleError extends OsError {
  override readonly name = "BundleError";
}

/** The manifest is missing, malformed, of an unknown format, or disagrees with its image. */
export class ManifestError extends OsError {
  override readonly name = "ManifestError";
}

/** The base image cannot be had, or is not the one that the manifest describes. */
export class BaseImageError extends OsError {
  override readonly name = "BaseImageError";
}

/** The browser, or the disk, would not take the file. */
export class SaveError extends OsError {
  override readonly name = "SaveError";
}

/** The person stopped the build. */
export class CancelledError extends OsError {
  override readonly name = "CancelledError";
}

const ADVICE: Record<string, string> = {
  PieceNameError: "Try a name like notepat, $cow or @handle/piece.",
  UnknownPieceError: "Check how it is spelled.",
  OvenError: "Try again in a minute.",
  BundleError: "Try another piece.",
  ManifestError: "Try again later.",
  BaseImageError: "Try again.",
  SaveError: "Try again.",
  CancelledError: "",
};

/** One sentence or two for the person: what happened, and what to do. Takes anything that was thrown. */
export function explain(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const advice = ADVICE[name] ?? "Check your connection, reload the page and try again.";
  return `${message.replace(/[.\s]*$/, "")}. ${advice}`.trim();
}
