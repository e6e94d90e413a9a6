import { expect, test } from "vitest";
import { acBundle } from "../testing/ac-bundle.ts";
import { jsonForScript, parseAcPage, pathOfPiece, replaceLines } from "./ac-page.ts";

const html = acBundle({ piece: "frog" });

test("a page of AC's, taken apart", () => {
  const page = parseAcPage(html);
  expect(page.piece).toBe("frog");
  expect(Object.keys(page.files)).toContain("disks/frog.mjs");
  expect(page.files["disks/prompt.mjs"]).toEqual({ content: "", binary: false, type: "mjs" });
  expect(page.boxArt).toBeUndefined();
  expect(replaceLines(page, new Map())).toBe(html);
  const kidlisp = parseAcPage(acBundle({ piece: "$cow", kidlisp: "purple", density: 8 }));
  expect(kidlisp.piece).toBe("$cow");
  expect(kidlisp.files["disks/cow.lisp"]?.content).toBe("purple");
});

test("what the packed files contain is not the page's own", () => {
  const source = `const a = "\n    window.acPACK_DATE = 1;";\n    window.acPACK_MODE = true;\n// </script> <!-- <script>`;
  const page = parseAcPage(acBundle({ piece: "frog", source, files: { "lib/a.mjs": source } }));
  expect(page.files["disks/frog.mjs"]?.content).toBe(source);
});

const MARKERS: [string, RegExp][] = [
  ["<title>", /<title>/],
  ["window.acPACK_MODE = true;", /window.acPACK_MODE = true;/],
  ['window.acSTARTING_PIECE = "frog";', /window.acSTARTING_PIECE/],
  ['window.acPACK_PIECE = "frog";', /window.acPACK_PIECE/],
  ["window.acPACK_DATE = ", /window.acPACK_DATE/],
  ["window.acPACK_COLOPHON = {", /window.acPACK_COLOPHON/],
  ["piece: { name: 'frog'", /piece: \{ name:/],
  ["build: { author: ", /build: \{ author:/],
  ["window.VFS = {", /window.VFS = /],
  ["window.VFS_BLOB_URLS = {};", /window.VFS_BLOB_URLS/],
  ["import(window.VFS_BLOB_URLS['boot.mjs'])", /import\(boot.mjs\)/],
];

test.each(MARKERS)("%s has to be there exactly once", (text, name) => {
  expect(html.split(text)).toHaveLength(2);
  expect(() => parseAcPage(html.replace(text, "other"))).toThrow(RangeError);
  expect(() => parseAcPage(html.replace(text, "other"))).toThrow(name);
  expect(() => parseAcPage(html.replace(text, "other"))).toThrow("is not there");
  expect(() => parseAcPage(html.replace(text, `${text}\n    ${text}`))).toThrow("is there twice");
});

const BAD: [string, string, string | RegExp, string][] = [
  ["files that are not JSON", "is not JSON", "window.VFS = {", "window.VFS = {a:"],
  ["files that go on", "does not end on its line", /(window.VFS = .*);/, "$1"],
  [
    "a file without content",
    "no file at boot.mjs",
    /window.VFS = .*/,
    'window.VFS = {"boot.mjs":{"type":"mjs"}};',
  ],
  ["a file that is null", "no file at boot.mjs", /window.VFS = .*/, 'window.VFS = {"boot.mjs":null};'],
  ["no time", "no packTime", "packTime: 0, ", ""],
  ["no boot.mjs", "no boot.mjs", /window.VFS = .*/, "window.VFS = {};"],
  ["a piece that is no string", "no string", 'acSTARTING_PIECE = "frog"', "acSTARTING_PIECE = 1"],
  ["a piece by another name than JSON's", "not JSON", 'acSTARTING_PIECE = "frog"', "acSTARTING_PIECE = frog"],
  [
    "a piece that is not packed",
    "no disks/toad.mjs",
    'acSTARTING_PIECE = "frog"',
    'acSTARTING_PIECE = "toad"',
  ],
  [
    "a piece that every object has",
    "no disks/",
    'acSTARTING_PIECE = "frog"',
    'acSTARTING_PIECE = "../__proto__"',
  ],
];

test.each(BAD)("%s: %s", (_, message, what, by) => {
  expect(() => parseAcPage(html.replace(what, by))).toThrow(RangeError);
  expect(() => parseAcPage(html.replace(what, by))).toThrow(message);
});

test.each([
  ["ours", "<!doctype html><script>1</script>"],
  ["a packed one", acBundle({ form: "gzip" })],
  ["nothing", ""],
  ["line ends", "\n".repeat(2_000_000)],
  ["markers", "window.VFS = {".repeat(500_000)],
])("%s is none", (_, other) => {
  expect(() => parseAcPage(other)).toThrow(RangeError);
});

test("a million lines of markers end at the second", () => {
  expect(() => parseAcPage("window.acPACK_MODE = true;\n".repeat(500_000))).toThrow("there twice");
});

test("JSON in a script ends it nowhere, and is the same", () => {
  const value = { a: "</script><!-- <SCRIPT src=x></ScRiPt>", b: "\ud800", "<!--": "a < b" };
  const text = jsonForScript(value);
  expect(text).not.toMatch(/<(?:!--|\/?script)/i);
  expect(JSON.parse(text)).toEqual(value);
});

test.each([
  ["notepat", "disks/notepat.mjs"],
  ["$cow", "disks/cow.lisp"],
  ["@jas.life/frog", "media/@jas.life/piece/frog.mjs"],
])("%s lies at %s", (piece, path) => {
  expect(pathOfPiece(piece)).toBe(path);
});
