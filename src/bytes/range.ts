/** What a server of a file sends for one `Range` header: RFC 9110, section 14, with single ranges. */
export interface Part {
  /** 200 is the whole file, 206 a part of it; with 416 no byte of the file is sent. */
  readonly status: 200 | 206 | 416;
  /** Where the part starts, and its length, both in bytes. */
  readonly start: number;
  readonly length: number;
  /** `Content-Range`, where there is one. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Which part of a file of `size` bytes a `Range` header asks for. Whatever is not one valid range of bytes (none,
 * several, another unit, the last byte before the first) is ignored, as the RFC allows: the whole file is sent.
 */
export function partOf(header: string | undefined, size: number): Part {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  const backwards = first !== "" && last !== "" && Number(last) < Number(first);
  if ((first === "" && last === "") || backwards) return { status: 200, start: 0, length: size, headers: {} };
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (end < start) {
    return { status: 416, start: 0, length: 0, headers: { "Content-Range": `bytes */${size}` } };
  }
  const headers = { "Content-Range": `bytes ${start}-${end}/${size}` };
  return { status: 206, start, length: end - start + 1, headers };
}
