import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readPiece } from "./piece.ts";

const HTML = "<!doctype html><title>frog</title>";
const NAMES = {
  format: 1,
  piece: "@jeffrey/frog",
  size: HTML.length,
  sha256: sha256(HTML),
  base: "fedac-os",
};

let folder: string;
let problem: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "piece-"));
  problem = join(folder, "no-problem");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("reads the piece", async () => {
  put({ "piece.html": HTML, "os.json": JSON.stringify(NAMES, null, 2) });
  const piece = await readPiece(folder, problem);
  expect(piece).toMatchObject({ name: "@jeffrey/frog", sha256: NAMES.sha256 });
  expect(piece.html.toString()).toBe(HTML);
});

test.each([
  ["no os.json", { "piece.html": HTML }, "os.json is missing"],
  ["os.json that is no JSON", { "piece.html": HTML, "os.json": "{" }, "os.json is malformed"],
  ["os.json of null", { "piece.html": HTML, "os.json": "null" }, "os.json is malformed"],
  ["another format", { "piece.html": HTML, "os.json": json({ format: 2 }) }, "os.json is malformed"],
  ["a name with markup", { "piece.html": HTML, "os.json": json({ piece: "<b>" }) }, "os.json is malformed"],
  ["a name of two lines", { "piece.html": HTML, "os.json": json({ piece: "a\nb" }) }, "os.json is malformed"],
  [
    "a hash in capitals",
    { "piece.html": HTML, "os.json": json({ sha256: "A".repeat(64) }) },
    "os.json is malformed",
  ],
  ["no piece.html", { "os.json": json({}) }, "piece.html is missing or empty"],
  ["an empty piece.html", { "os.json": json({}), "piece.html": "" }, "piece.html is missing or empty"],
  [
    "a shorter piece.html",
    { "os.json": json({}), "piece.html": HTML.slice(1) },
    "piece.html has another size than os.json says",
  ],
  [
    "another piece.html",
    { "os.json": json({}), "piece.html": HTML.toUpperCase() },
    "piece.html does not match its SHA-256 in os.json",
  ],
])("refuses %s", async (_, files, message) => {
  put(files);
  await expect(readPiece(folder, problem)).rejects.toThrow(message);
  await expect(readPiece(folder, problem)).rejects.toMatchObject({ name: "NoPieceError" });
});

test("what the initramfs has said comes first", async () => {
  put({ problem: "there is no file system on FEDAC-PIECE\n" });
  await expect(readPiece(folder, join(folder, "problem"))).rejects.toThrow(
    /^there is no file system on FEDAC-PIECE$/,
  );
});

test("follows no links, and reads no directories", async () => {
  put({ "os.json": json({}), elsewhere: HTML });
  symlinkSync("elsewhere", join(folder, "piece.html"));
  await expect(readPiece(folder, problem)).rejects.toThrow("piece.html is missing or empty");
  rmSync(join(folder, "piece.html"));
  mkdirSync(join(folder, "piece.html"));
  await expect(readPiece(folder, problem)).rejects.toThrow("piece.html is missing or empty");
});

function json(other: object): string {
  return JSON.stringify({ ...NAMES, ...other });
}

function put(files: Readonly<Record<string, string | Buffer | undefined>>): void {
  for (const [name, bytes] of Object.entries(files))
    if (bytes !== undefined) writeFileSync(join(folder, name), bytes);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
