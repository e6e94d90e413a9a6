import { expect, test } from "vitest";
import { importsOf, rewriteImports, tokensOf } from "./javascript.ts";

const texts = (source: string) => [...tokensOf(source)].map(({ text }) => text);
const kinds = (source: string) => [...tokensOf(source)].map(({ kind, text }) => `${kind} ${text}`);

test.each([
  ["a + b", ["a", "+", "b"]],
  ["a // b\nc", ["a", "c"]],
  ["a /* b */ c /* never closed", ["a", "c"]],
  ["'it''s' \"a\\\"b\"", ["it", "s", 'a\\"b']],
  ["`a ${b + `c ${{ d: 1 }}`} e`", ["a ", "b", "+", "c ", "{", "d", ":", "1", "}", "", " e"]],
  ["x = /[/'\"]/g.test(y)", ["x", "=", "/[/'\"]/", "g", ".", "test", "(", "y", ")"]],
  ["a / b / c", ["a", "/", "b", "/", "c"]],
  ["return /'/", ["return", "/'/"]],
  ["'never closed\nnext", ["never close", "next"]],
  ["#!/usr/bin/env node\na", ["a"]],
  ["größe + $_1", ["größe", "+", "$_1"]],
])("%j", (source, expected) => {
  expect(texts(source)).toEqual(expected);
});

test("tokens lie one after the other, and say what they are", () => {
  expect(kinds("f(`x`, 'y')")).toEqual([
    "name f",
    "punctuation (",
    "template x",
    "punctuation ,",
    "string y",
    "punctuation )",
  ]);
  const source = "a = `b ${c} d` + 'e' / f";
  let at = 0;
  for (const { start, end } of tokensOf(source)) {
    expect(start).toBeGreaterThanOrEqual(at);
    expect(end).toBeGreaterThan(start);
    at = end;
  }
});

test.each([
  ['import "./a.mjs"', ["static ./a.mjs"]],
  ['import a, { b as c } from "./a.mjs";', ["static ./a.mjs"]],
  [
    "import * as a from '../lib/a.mjs'\nexport { b } from\n'./b.mjs'",
    ["static ../lib/a.mjs", "static ./b.mjs"],
  ],
  ['const a = await import("./a.mjs")', ["dynamic ./a.mjs"]],
  ["import(`./a.mjs`)", ["dynamic ./a.mjs"]],
  ["import(`./${a}.mjs`)", []],
  ["import(a)", []],
  ['new URL("./a.wasm", import.meta.url)', ["url ./a.wasm"]],
  ['new URL("./a.wasm", location.href)', []],
  ['// import "./a.mjs"\n"import \'./b.mjs\'"', []],
  ['import.meta.url + Array.from("./a.mjs")', []],
  ['$.import("./a.mjs")', []],
])("imports of %s", (source, expected) => {
  expect(importsOf(source).map(({ kind, specifier }) => `${kind} ${specifier}`)).toEqual(expected);
});

test("rewriting touches imports alone", () => {
  const source = `import a from "./a.mjs"; // "./a.mjs"\nconst b = "./a.mjs", c = import('./c.mjs');\nnew URL("d", import.meta.url)`;
  expect(rewriteImports(source, ({ kind, specifier }) => `«${kind} ${specifier}»`)).toBe(
    `import a from «static ./a.mjs»; // "./a.mjs"\nconst b = "./a.mjs", c = import(«dynamic ./c.mjs»);\n«url d»`,
  );
  expect(rewriteImports(source, () => undefined)).toBe(source);
});

test.each([
  ["a comment", "/*" + "x".repeat(5e6)],
  ["a string", `"${"x".repeat(5e6)}`],
  ["a template", "`${".repeat(5e5)],
  ["braces in templates", `\`\${${"{".repeat(2e6)}`],
  ["slashes", "=/[".repeat(1e6)],
  ["spaces before a parenthesis", `import${" ".repeat(5e6)}`],
  ["imports without end", "import(".repeat(5e5)],
])("%s without end costs one pass", { timeout: 20_000 }, (_, source) => {
  expect(importsOf(source)).toEqual([]);
});
