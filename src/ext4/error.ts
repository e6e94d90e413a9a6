/**
 * Why a file system cannot be written or read: what is wrong, and where. `name` is "FilesystemError", which
 * survives a thread; the class is a `RangeError`, so callers who know nothing of ext4 can still tell it from a bug.
 */
export class FilesystemError extends RangeError {
  override readonly name = "FilesystemError";
  /** The path of the entry at fault, if one is. */
  readonly path: string | undefined;
  /** Bytes of room that are lacking, when the entries do not fit. */
  readonly missing: number | undefined;
  /** An image size in bytes that the entries fit into, when they do not fit and some size would do. */
  readonly fittingSize: number | undefined;

  constructor(message: string, facts: { path?: string; missing?: number; fittingSize?: number } = {}) {
    super(facts.path === undefined ? message : `${quote(facts.path)}: ${message}`);
    this.path = facts.path;
    this.missing = facts.missing;
    this.fittingSize = facts.fittingSize;
  }
}

/** Control characters would play tricks on a terminal, and 5,000 characters fill it. */
function quote(path: string): string {
  const shown = path.length > 300 ? `${path.slice(0, 140)}…${path.slice(-140)}` : path;
  return JSON.stringify(shown);
}
