/** Which bytes a 206 says that it brings: `first` to `last`, of `total` unless that is unknown. */
export interface ContentRange {
  readonly first: number;
  readonly last: number;
  readonly total: number | undefined;
}

/**
 * A `Content-Range` with bytes in it, by the grammar of RFC 9110, section 14.4, or `undefined` for anything else. Names
 * of range units have no case (section 14.1).
 */
export function parseContentRange(header: string): ContentRange | undefined {
  const [whole, ...numbers] = /^bytes (\d+)-(\d+)\/(?:(\d+)|\*)$/i.exec(header) ?? [];
  if (whole === undefined) return undefined;
  const [first = 0, last = 0, total] = numbers.map((text) => (text === undefined ? undefined : Number(text)));
  const isValid = first <= last && last < (total ?? Infinity) && last <= Number.MAX_SAFE_INTEGER;
  return isValid ? { first, last, total } : undefined;
}
