import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bundlePiece, erase } from "./ship-piece.ts";
import { prepare } from "./stage/source.ts";

describe("the piece as it is shipped", async () => {
  const { code, files } = await bundlePiece("0123456789ab");
  const lines = code.split("\n");

  test("begins with its title and description, and ends with its exports, as AC looks for them", () => {
    expect(lines.slice(0, 2)).toEqual([
      expect.stringMatching(/^\/\/ os, \d{4}\.\d{1,2}\.\d{1,2}$/),
      "// Turn any piece into an operating system on a USB stick.",
    ]);
    expect(lines.slice(-2)).toEqual(["export { boot, paint, act, sim, leave, meta };", ""]);
    expect(code.match(/^export\b/gm)).toHaveLength(1);
    expect(() => prepare(code)).not.toThrow();
  });

  test("imports nothing, and has nothing that AC would take for a painting", () => {
    expect(code).not.toMatch(/^\s*(?:import|export)\b.*from/m);
    expect(code).not.toMatch(/"@\w[^"]*\/[^"]*"/);
  });

  test("says what it was made of", () => {
    expect(files.length).toBeGreaterThan(5);
    expect(code).toContain("// Built from disks/os.mjs of the repository aesthetic-os");
    for (const file of files) expect(code).toContain(file.slice(file.search(/(?:disks|src\/piece)\//)));
  });

  test("can be read: lines, names and comments are as they were written, types are gone", () => {
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(160); // a sentence is not broken
    expect(code).toContain("// 🎨 Paint (Draws the screen and decides nothing.)");
    expect(code).toContain(
      "/** Lines of at most `columns` characters; a word longer than a line is broken. */",
    );
    expect(code).toContain("function stripsOf(block, frame, room) {");
    expect(code).toContain('let visit = ""; // tells the page');
    expect(code).not.toMatch(
      /^(?:export )?(?:interface|type) |\bas const\b|\/\*\* @(?:param|type|import)\b/m,
    );
    expect(code).not.toMatch(/\n\n\n/);
  });

  test("runs in Node, where AC's server asks it what links to it say", async () => {
    const address = `data:text/javascript,${encodeURIComponent(code)}//node`;
    const { meta, ...rest } = (await import(/* @vite-ignore */ address)) as { meta: ($: object) => object };
    expect(Object.keys(rest).toSorted()).toEqual(["act", "boot", "leave", "paint", "sim"]);
    expect(meta({ params: [], colon: ["notepat"] })).toEqual({
      title: "notepat os",
      desc: "Turn notepat into an operating system: a disk image, built in your browser.",
    });
    expect(meta({ params: [] })).toMatchObject({ title: "os" });
    expect(meta({ params: ["<b>"], colon: undefined })).toMatchObject({ title: "?b? os" });
  });

  test("asks for the page module of its build", () => {
    expect(code).toContain("/aesthetic.computer/os/page.js?v=0123456789ab");
    expect(code).not.toContain("__OS_BUILD__");
  });
});

test.each([
  ["a name that two modules have", "const twice = 1;", /already been declared/],
  ["a browser's own at the top level", "const size = window.innerWidth;", /window is not defined/],
])("refuses %s", async (_what, line, reason) => {
  const folder = await mkdtemp(join(tmpdir(), "piece-"));
  const entry = join(folder, "os.mjs");
  const head = "// os, 2026.1.1\n// Nothing.\n\n/* #region README\n#endregion */\n";
  await writeFile(join(folder, "a.ts"), "export const twice: number = 2;\n");
  const write = (more: string) =>
    writeFile(
      entry,
      `${head}import { twice } from "./a.ts";\n${more}\nconst meta = () => twice;\nexport { meta };\n`,
    );
  await write("");
  expect((await bundlePiece("1", entry)).code).toContain("\nconst twice = 2;\n");
  await write(line);
  await expect(bundlePiece("1", entry)).rejects.toThrow(reason);
  await rm(folder, { recursive: true });
});

test.each([
  ["import type { A } from './a.ts';\nlet x: A = 1;\n", "let x = 1;\n"],
  ["import { type A, b } from './a.ts';\nb();\n", "b();\n"],
  [
    "/** Gone. */\nexport interface A { a: number }\n/** Stays. */\nconst b = 1;\n",
    "/** Stays. */\nconst b = 1;\n",
  ],
  ["// Gone.\n// Too.\ntype A = 1;\nlet b;\n", "let b;\n"],
  ["export const f = <T,>(a?: T, b: number = 1): a is T => (a as any)!;\n", "const f = (a, b = 1) => (a);\n"],
  ["const b = ((a as A) as unknown as B);\n", "const b = ((a));\n"],
  ["const a = g<T>({ b: 1 } satisfies B as C);\n", "const a = g({ b: 1 });\n"],
  ["export function f({ a }: A, ...b: B[]): void {} // stays\n", "function f({ a }, ...b) {} // stays\n"],
  ["/** @type {A} */\nlet a; /* stays */\n", "let a; /* stays */\n"],
])("%j without types is %j", (source, plain) => {
  expect(erase(source, true).code).toBe(plain);
});

test("values are imported from elsewhere, types are not", () => {
  const source =
    "import type { A } from './a.ts';\nimport { b } from './b.ts';\nimport { c } from '../c.mjs';\n";
  expect(erase(source, true).imports).toEqual(["./b.ts", "../c.mjs"]);
});

test.each([
  "import { a as b } from './a.ts';",
  "import * as a from './a.ts';",
  "import a from './a.ts';",
  "import './a.ts';",
  "const a = 1;\nexport { a };",
])("%j cannot be put together", (source) => {
  expect(() => erase(source, true)).toThrow(/not put together/);
});
