import { readFileSync, writeFileSync } from "node:fs";

// ICU's data is one third of what Node is in an image, and nearly all of it is how numbers, dates and names are written and
// sorted in other languages than the session's, which is English. What is not needed is overwritten with zeros, which
// squashfs stores in nothing: the library stays the one that it was, with all else at its place. Whoever asks ICU for such an
// item finds no header that it takes (udata_open: U_INVALID_FORMAT_ERROR), and does without.

/** The header of ICU's data, a UDataInfo: its length, a magic number, and from byte 8 on four letters for what is in it. */
const MAGIC = Buffer.from([0xda, 0x27]);
const COMMON = Buffer.from("CmnD");

/** What one item's place is among ICU's data. */
interface Item {
  /** As "lang/de.res", without the name of the whole. */
  readonly name: string;
  /** In the file, in bytes. */
  readonly start: number;
  readonly end: number;
}

/**
 * The items of ICU's common data in `library`, a libicudata.so (ICU's source/common/ucmndata.h: after the header a count,
 * and for each item where its name and its data begin, counted from there; 32 bits each, here of a little-endian
 * processor's). Throws `RangeError` when there is none.
 */
export function icuItems(library: Buffer): Item[] {
  const kind = library.indexOf(COMMON);
  const header = kind - 12;
  if (kind < 12 || !library.subarray(header + 2, header + 4).equals(MAGIC)) {
    throw new RangeError("the library holds no common data of ICU's");
  }
  const toc = header + library.readUInt16LE(header);
  const count = library.readUInt32LE(toc);
  const entries = Array.from({ length: count }, (_, index) => {
    const name = toc + library.readUInt32LE(toc + 4 + 8 * index);
    return {
      name: library.toString("latin1", name, library.indexOf(0, name)).replace(/^[^/]*\//, ""),
      start: toc + library.readUInt32LE(toc + 8 + 8 * index),
    };
  });
  // The last one's end is not said; it stays
  return entries.slice(0, -1).map((entry, index) => ({ ...entry, end: entries[index + 1]!.start }));
}

/**
 * Whether the session can miss an item: another language's, a character set's of before Unicode, the dictionaries by which
 * words are told apart, what writes one script in another, and the names of characters.
 */
export function isDispensable(name: string): boolean {
  if (/^(?:brkitr|translit|rbnf)\/|\.cnv$|^unames\.icu$/.test(name)) return true;
  const [, locale] =
    /^(?:(?:coll|curr|lang|region|unit|zone)\/)?([a-z]{2,3}(?:_\w+)?)\.res$/.exec(name) ?? [];
  return locale !== undefined && !/^(?:en|en_US|res_index)$/.test(locale);
}

if (process.argv[1] === import.meta.filename) {
  const [, , file = ""] = process.argv;
  const library = readFileSync(file);
  for (const { name, start, end } of icuItems(library)) {
    if (isDispensable(name)) library.fill(0, start, end);
  }
  writeFileSync(file, library);
}
