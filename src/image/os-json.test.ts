import { expect, test } from "vitest";
import { allowancesOf } from "../allowances.ts";
import { SEVERAL, STICKS } from "../testing/sticks.ts";
import {
  formatListing,
  formatOsJson,
  type Listing,
  MOST_PIECES,
  OS_JSON_LIMIT,
  type OsJson,
  parseListing,
  parseOsJson,
} from "./os-json.ts";

const [whole] = STICKS;
const text = whole!.files["os.json"] as string;

test("what is written is what the fixtures hold, and what is read is what was written", () => {
  const read = parseOsJson(text);
  expect(formatOsJson(read)).toBe(text);
  expect(read).toEqual({ ...(JSON.parse(text) as object), unknown: [] });
});

test("what is allowed is written in order, each once, and nothing unknown is", () => {
  const os = parseOsJson(text);
  const written = formatOsJson({ ...os, allow: ["network", "camera", "network"] });
  expect(written).toContain('\n  "allow": ["camera","network"]\n');
  expect(() => formatOsJson({ ...os, allow: ["teleport" as "camera"] })).toThrow(RangeError);
});

const texts = [...STICKS, ...SEVERAL].flatMap(({ title, files, expected, allow, unknown = [] }) => {
  const content = files["os.json"];
  return typeof content === "string" && content !== "" && content.length <= OS_JSON_LIMIT
    ? [{ title, content, allow, unknown, malformed: expected === "NOPIECE os-json-malformed" }]
    : [];
});

test.each(texts)("$title: malformed $malformed", ({ content, malformed, allow, unknown }) => {
  if (malformed) {
    expect(() => parseListing(content)).toThrow(RangeError);
    return;
  }
  const { pieces } = parseListing(content);
  expect(pieces.flatMap((piece) => piece.unknown)).toEqual(unknown);
  if (allow) expect(allowancesOf(pieces.flatMap((piece) => piece.allow)).allow).toEqual(allow);
  if (pieces[0].folder === "") expect(parseOsJson(content)).toMatchObject({ format: 1, unknown });
  else expect(() => parseOsJson(content)).toThrow("another format");
});

test.each<Partial<OsJson>>([{ piece: "two words" }, { size: -1 }, { sha256: "" }])(
  "%j is not written, since no reader would take it",
  (change) => {
    expect(() => formatOsJson({ ...parseOsJson(text), ...change })).toThrow(RangeError);
  },
);

test("who has built it is written where it is said, and what is no handle is passed over", () => {
  const os = parseOsJson(text);
  expect(text).not.toContain('"by"');
  const signed = formatOsJson({ ...os, by: "@jeffrey" });
  expect(parseOsJson(signed)).toEqual({ ...os, by: "@jeffrey" });
  for (const by of ["jeffrey", `@${"x".repeat(17)}`, 7, "@a\nb"]) {
    expect(() => formatOsJson({ ...os, by: by as string })).toThrow(RangeError);
    const odd = signed.replace('"@jeffrey"', JSON.stringify(by));
    expect(parseOsJson(odd)).not.toHaveProperty("by");
  }
});

const sha256 = "d".repeat(64);
const frog = { folder: "jeffrey-frog", piece: "@jeffrey/frog", size: 7, sha256, allow: [], unknown: [] };
const line = { folder: "line", piece: "line", size: 9, sha256, allow: ["midi"] as const, unknown: [] };
const several: Listing = { start: "menu", base: "fedac-os kiosk 2026.11.27", pieces: [line, frog] };

test("several pieces are a line each, and what is read is what was written", () => {
  const written = formatListing({ ...several, by: "@jeffrey" });
  expect(written).toBe(`{
  "format": 2,
  "start": "menu",
  "base": "fedac-os kiosk 2026.11.27",
  "by": "@jeffrey",
  "pieces": [
    {"folder": "line", "piece": "line", "size": 9, "sha256": "${sha256}", "allow": ["midi"]},
    {"folder": "jeffrey-frog", "piece": "@jeffrey/frog", "size": 7, "sha256": "${sha256}", "allow": []}
  ]
}
`);
  expect(parseListing(written)).toEqual({ ...several, by: "@jeffrey" });
  expect(parseListing(formatListing({ ...several, start: "line" })).start).toBe("line");
});

test("one piece is a listing too", () => {
  const { piece, size, sha256: digest, base, allow, unknown } = parseOsJson(text);
  const only = { folder: "", piece, size, sha256: digest, allow, unknown };
  expect(parseListing(text)).toEqual({ start: "", pieces: [only], base });
});

test("the most pieces with the longest names fit the limit of os.json", () => {
  const folder = (i: number) => `${"x".repeat(61)}-${i + 10}`;
  const allow = ["camera", "microphone", "midi", "network", "sysex"] as const;
  const all = Array.from({ length: MOST_PIECES }, (_, i) => {
    return { ...line, folder: folder(i), piece: "x".repeat(100), size: 2 ** 31, allow };
  });
  const pieces = all as unknown as Listing["pieces"];
  expect(formatListing({ ...several, pieces }).length).toBeLessThan(OS_JSON_LIMIT);
  const more = [...all, { ...line, folder: "more" }] as unknown as Listing["pieces"];
  expect(() => formatListing({ ...several, pieces: more })).toThrow("more than 32");
});

test.each<[string, object]>([
  ["no pieces", { pieces: [] }],
  ["pieces that are no list", { pieces: { line } }],
  ["a piece that is none", { pieces: [null] }],
  ["a piece without a digest", { pieces: [{ ...line, sha256: undefined }] }],
  ["two pieces in one folder", { pieces: [line, { ...frog, folder: "line" }] }],
  ["a folder above", { pieces: [{ ...line, folder: ".." }] }],
  ["a folder in a folder", { pieces: [{ ...line, folder: "a/b" }] }],
  ["a folder that is the menu", { pieces: [{ ...line, folder: "menu" }] }],
  ["a folder in capitals", { pieces: [{ ...line, folder: "Line" }] }],
  ["a start that is not there", { start: "cow" }],
  ["no start", { start: undefined }],
  ["another format", { format: 3 }],
])("%s is malformed", (_, change) => {
  expect(() => parseListing(JSON.stringify({ format: 2, ...several, ...change }))).toThrow(RangeError);
});

test("of several pieces, too, nothing unknown is allowed in writing, and is passed over in reading", () => {
  const odd = { ...line, allow: ["teleport" as "midi", "midi" as const] };
  expect(() => formatListing({ ...several, pieces: [odd] })).toThrow(/teleport/);
  const read = parseListing(
    JSON.stringify({ format: 2, ...several, start: "line", pieces: [odd], later: 1 }),
  );
  expect(read.pieces[0]).toMatchObject({ allow: ["midi"], unknown: ["teleport"] });
  expect(() => formatListing({ ...several, by: "nobody" })).toThrow("handle");
});
