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

/** Of several pieces one is too many for the piece partition: the message names it. */
export class PartitionFullError extends OsError {
  override readonly name = "PartitionFullError";
}

/** Several pieces were asked for, and the base image starts one alone. */
export class OnePieceBaseError extends OsError {
  override readonly name = "OnePieceBaseError";
}

/** The manifest is missing, malformed, of an unknown format, or disagrees with its image. */
export class ManifestError extends OsError {
  override readonly name = "ManifestError";
}

/** The manifest is not signed with a key that this page knows. */
export class SignatureError extends OsError {
  override readonly name = "SignatureError";
}

/** The list of base images is signed, and held until a time that has passed. */
export class ExpiredListError extends OsError {
  override readonly name = "ExpiredListError";
}

/** The base image offered is older than one seen before, and was not asked for by name. */
export class DowngradeError extends OsError {
  override readonly name = "DowngradeError";
}

/** The base image is not to be had: its servers refuse, or what they send is not what the manifest describes. */
export class BaseImageError extends OsError {
  override readonly name = "BaseImageError";
}

/** The connection was lost, or came to nothing for too long. */
export class ConnectionError extends OsError {
  override readonly name: string = "ConnectionError";
}

/** The network has put a page of its own in the way, on which people sign in. */
export class CaptivePortalError extends ConnectionError {
  override readonly name = "CaptivePortalError";
}

/** The browser would not take the file. */
export class SaveError extends OsError {
  override readonly name = "SaveError";
}

/** There is no room left where the file goes. */
export class DiskFullError extends OsError {
  override readonly name = "DiskFullError";
}

/** The browser ended the download itself: somebody stopped it in its list, or the disk is full. */
export class DownloadEndedError extends OsError {
  override readonly name = "DownloadEndedError";
}

/**
 * The browser is set so that the file cannot be made or saved: something is switched off or blocked, or an extension is in
 * the way. The message says what to change.
 */
export class BrowserSettingError extends OsError {
  override readonly name = "BrowserSettingError";
}

/** The person stopped the build. */
export class CancelledError extends OsError {
  override readonly name = "CancelledError";
}

/** The stick cannot be read or written: it was pulled out, is read-only, or is not a stick that a computer starts. */
export class StickError extends OsError {
  override readonly name = "StickError";
}

/** A file that was opened is no image of ours, cannot be held against a base, or does not stay as it is. */
export class ImageFileError extends OsError {
  override readonly name = "ImageFileError";
}

/** There is nothing of ours on the stick, where there should be. */
export class NotOurStickError extends OsError {
  override readonly name = "NotOurStickError";
}

/** There is no room left on the stick. */
export class StickFullError extends OsError {
  override readonly name = "StickFullError";
}

/** Another system starts from this stick. */
export class OtherSystemError extends OsError {
  override readonly name = "OtherSystemError";
}

const ADVICE: Record<string, string> = {
  PieceNameError: "Try a name like notepat, $cow or @handle/piece.",
  UnknownPieceError: "Check how it is spelled.",
  OvenError: "Try again in a minute.",
  BundleError: "Try another piece.",
  PartitionFullError: "Leave it out, or another one.",
  OnePieceBaseError: "Take one piece, or a newer base.",
  ManifestError: "Try again later.",
  SignatureError: "Do not use it; try again later.",
  ExpiredListError: "Look whether this computer's date and time are right; if they are, try again later.",
  DowngradeError: "",
  BaseImageError: "Try again later.",
  ConnectionError: "Check your connection and try again: what was fetched is not fetched again.",
  CaptivePortalError: "Open any other page to sign in to the network, then try again.",
  SaveError: "Try again, not in a private window.",
  DiskFullError: "Free some space and try again: what was fetched is not fetched again.",
  DownloadEndedError: "If it was not you, free some space on the disk. Then try again.",
  BrowserSettingError: "",
  StickError: "", // not all of them pass by plugging it in again
  ImageFileError: "", // what to do depends on what it is
  NotOurStickError: "Plug in the one that was written to, or choose another.",
  StickFullError:
    "Make room on it, or take a larger one, and try again: what is on it already is not written again.",
  OtherSystemError: "",
  CancelledError: "",
};

/** One sentence or two for the person: what happened, and what to do. Takes anything that was thrown. */
export function explain(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const advice = ADVICE[name] ?? "Check your connection, reload the page and try again.";
  return `${message.replace(/[.\s]*$/, "")}. ${advice}`.trim();
}
