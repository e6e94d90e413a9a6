import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { linkTo } from "./link.ts";

test.each([
  [["notepat"], [], "https://aesthetic.computer/os:notepat"],
  [["notepat"], ["tiny", "2026.11.24"], "https://aesthetic.computer/os:notepat:tiny:2026.11.24"],
  [["$cow"], [], "https://aesthetic.computer/os:$cow"],
  [["@jeffrey/frog"], [], "https://aesthetic.computer/os:@jeffrey/frog"],
  [["a b?c#d"], [], "https://aesthetic.computer/os:a%20b%3Fc%23d"],
  [["notepat", "@jeffrey/frog"], ["tiny"], "https://aesthetic.computer/os:notepat:tiny~@jeffrey/frog"],
])("%j %j has an address, and a reader finds it in the code", (pieces, qualifiers, url) => {
  const link = linkTo({ pieces, qualifiers }, "https://aesthetic.computer");
  expect(link.url).toBe(url);
  expect(read(link.qr)).toBe(url);
});

test("the longest name of a piece, and qualifiers, still fit", () => {
  const pieces = [`@${"h".repeat(40)}/${"p".repeat(58)}`];
  const link = linkTo({ pieces, qualifiers: ["kiosk", "2026.11.24", "x86_64"] }, "https://a.b");
  expect(read(link.qr)).toBe(link.url);
});

test.each([
  [2331, 177],
  [2332, 0],
  [100_000, 0],
])("an address of %i characters has %i rows of code", (length, rows) => {
  const { url, qr } = linkTo(
    { pieces: ["a".repeat(length - "https://a.b/os:".length)], qualifiers: [] },
    "https://a.b",
  );
  expect(url).toHaveLength(length);
  expect(qr).toHaveLength(rows);
});

test("a reader finds nothing when the corners are gone", () => {
  const { qr } = linkTo({ pieces: ["notepat"], qualifiers: [] }, "https://aesthetic.computer");
  expect(read(qr.map((row, i) => (i < 8 ? "0".repeat(row.length) : row)))).toBe("");
});

/** What zbar reads in the code, drawn as the piece draws it: four modules of white around. */
function read(rows: readonly string[]): string {
  const [dot, edge] = [4, 4];
  const across = (rows.length + 2 * edge) * dot;
  const white = "0".repeat(edge);
  const blank = "0".repeat(rows.length + 2 * edge);
  const padded = [...Array<string>(edge).fill(blank), ...rows.map((row) => white + row + white)];
  padded.push(...Array<string>(edge).fill(blank));
  const gray = padded.flatMap((row) =>
    Array<number[]>(dot).fill(
      Array.from(row).flatMap((bit) => Array<number>(dot).fill(bit === "1" ? 0 : 255)),
    ),
  );
  const image = Buffer.concat([Buffer.from(`P5 ${across} ${across} 255\n`), Buffer.from(gray.flat())]);
  try {
    const said = execFileSync("zbarimg", ["-q", "--raw", "-"], {
      input: image,
      stdio: ["pipe", "pipe", "ignore"],
    });
    return said.toString().trim();
  } catch (error) {
    if ((error as { status?: number }).status === 4) return ""; // zbar's word for nothing found
    throw error;
  }
}
