/**
 * Why a file system cannot be written or read. `name` is "FilesystemError", which unlike the class survives being posted
 * to another thread. It is a `RangeError`, so that callers who know nothing of ext4 can tell it from a bug.
 */
export class FilesystemError extends RangeError {
  override readonly name = "FilesystemError";
  /** The path of the entry at fault, if one is. */
  readonly path: string | undefined;
  /** How many bytes the entries are too large, if they do not fit. */
  readonly missing: number | undefined;
  /** Bytes of an image that the entries do fit into, if they do not fit and there is one. */
  readonly fittingSize: number | undefined;

  constructor(message: string, facts: { path?: string; missing?: number; fittingSize?: number } = {}) {
    super(facts.path === undefined ? message : `${quote(facts.path)}: ${message}`);
    this.path = facts.path;
    this.missing = facts.missing;
    this.fittingSize = facts.fittingSize;
  }
}

/** A path for a message: without control characters, which terminals obey, and not too long. */
function quote(path: string): string {
  const shown = path.length > 300 ? `${path.slice(0, 140)}…${path.slice(-140)}` : path;
  return JSON.stringify(shown);
}
