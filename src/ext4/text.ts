import type { Bytes } from "./segment.ts";

// Names are bytes to ext4, and mostly UTF-8. As text, a byte that is not part of UTF-8 is half a surrogate pair, U+DC80 to
// U+DCFF, as in Python (PEP 383): text of characters has none, so each name has one text, and that text leads back to it.

const UTF8 = new TextEncoder();
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Stands for a byte that is not UTF-8. */
const ESCAPE = /[\udc80-\udcff]/u;
/** Half a surrogate pair that stands for nothing. */
const HALF = /[\ud800-\udc7f\udd00-\udfff]/u;

/** Bytes as text; those that are not UTF-8 as U+DC80 to U+DCFF. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return STRICT.decode(bytes);
  } catch {
    return decodeByCharacter(bytes);
  }
}

/** The bytes that text stands for: the inverse of `decodeText`. Undefined for half a surrogate pair that is no such byte. */
export function encodeText(text: string): Bytes | undefined {
  if (HALF.test(text)) return undefined;
  if (!ESCAPE.test(text)) return UTF8.encode(text);
  const bytes: number[] = [];
  for (const character of text) {
    if (ESCAPE.test(character)) bytes.push(character.charCodeAt(0) - 0xdc00);
    else bytes.push(...UTF8.encode(character));
  }
  return Uint8Array.from(bytes);
}

/** The one text that stands for the same bytes: bytes that are given one by one may be UTF-8 together. */
export function canonicalText(text: string): string {
  if (!ESCAPE.test(text)) return text;
  const bytes = encodeText(text);
  return bytes ? decodeText(bytes) : text;
}

/** Write the bytes that text stands for, which are known to fit. */
export function writeText(text: string, to: Uint8Array): void {
  if (ESCAPE.test(text)) to.set(encodeText(text)!);
  else UTF8.encodeInto(text, to);
}

function decodeByCharacter(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at]!;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    let character: string;
    try {
      character = STRICT.decode(bytes.subarray(at, at + length));
    } catch {
      character = "";
    }
    if (character === "") text += String.fromCharCode(0xdc00 + bytes[at++]!);
    else {
      text += character;
      at += length;
    }
  }
  return text;
}
