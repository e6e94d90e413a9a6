import { encode } from "uqr";
import { addressOf, type Named } from "../piece/address.ts";

/** An address that opens straight to a build, and what of it is drawn. */
export interface Link {
  readonly url: string;
  /**
   * The modules of its QR code without the white edge, a text of 0 and 1 for each row; none when it is too long for
   * one (2,331 characters).
   */
  readonly qr: readonly string[];
}

/** Where what is `named` is built, on the site at `origin` (`os:link`). */
export function linkTo({ pieces, qualifiers }: Named, origin = location.origin): Link {
  const named = { pieces: pieces.map(escaped), qualifiers: qualifiers.map(escaped) };
  const url = `${origin}/${addressOf(named)}`;
  return { url, qr: qrOf(url) };
}

/** The largest QR code, version 40, holds this many bytes with a medium error correction (ISO/IEC 18004, table 7). */
const LARGEST_QR = 2331;

function qrOf(url: string): string[] {
  if (new TextEncoder().encode(url).length > LARGEST_QR) return [];
  const { data } = encode(url, { border: 0, ecc: "M" });
  return data.map((row) => row.map((dark) => (dark ? "1" : "0")).join(""));
}

/** AC decodes an address once; what it has for names (`$cow`, `@handle/piece`) may stand as it is. */
function escaped(part: string): string {
  return encodeURIComponent(part).replace(/%(24|40|2F)/g, (code) => decodeURIComponent(code));
}
