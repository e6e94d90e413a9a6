import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bundlePiece } from "../ship-piece.ts";
import { prepare } from "./source.ts";

const good = "// os, 2026\n// Builds.\nfunction boot() {}\nexport { boot };\n";

test("injects DEBUG and leaves the rest", () => {
  expect(prepare(good)).toBe(`const DEBUG = true;\n${good}`);
});

test("passes what AC passes", async () => {
  expect(() => prepare(good + '/** @type {import("../src/x.ts").X} */\n')).not.toThrow();
  const { code } = await bundlePiece();
  expect(prepare(code)).toContain(code);
  expect(() => prepare(readFileSync("dev/stage/prompt.mjs", "utf8"))).not.toThrow();
});

test.each([
  ["(wipe blue)", /KidLisp/],
  [";; lisp", /KidLisp/],
  ["function boot() {}\nexport { boot };\n", /two comment lines/],
  ["// os, 2026\n// Builds.\nexport{boot};\n", /white space/],
  ["// os, 2026\n// Builds.\nexport function boot() {}\n", /white space/],
  [`// os, 2026\n// Builds.\nimport { a } from "./a.mjs";\nexport { a };\n`, /relative/],
  [`// os, 2026\n// Builds.\nconst a = import("./a.mjs");\nexport { a };\n`, /relative/],
  [`// os, 2026\n// Builds.\nconst a = "@jeffrey/frog";\nexport { a };\n`, /painting/],
])("objects to %j", (source, reason) => {
  expect(() => prepare(source)).toThrow(reason);
});
