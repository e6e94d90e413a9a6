import fc from "fast-check";
import { expect, test } from "vitest";
import { BundleError } from "../errors.ts";
import { acBundle } from "../testing/ac-bundle.ts";
import { parseAcPage } from "./ac-page.ts";
import { asksOf } from "./asks.ts";
import { checkBundle } from "./check.ts";
import { tagsOf } from "./html.ts";
import { importsOf, rewriteImports, tokensOf } from "./javascript.ts";
import { unpackPage } from "./unpack.ts";

// Whatever is sent: a named error or an answer, nothing else, and soon.

const source = `import { a } from "./a.mjs";\nconst re = /["'\`]/, t = \`x \${{ a: "b" }} y\`;\nvideo(\`camera\`, { audio: true });`;
const SEEDS = [
  acBundle({ source }),
  acBundle({ piece: "$cow", kidlisp: "purple, ink", density: 3 }),
  acBundle({ form: "gzip" }),
  `<!doctype html><!-- a --><p title='<script>'><script type="module">${source}</script><textarea></textarea>`,
];
const SNIPPETS =
  `< > </ <!-- --> " ' \\ \n \0 \ud800 = / \${ } \` /* */ // { [ ( <script> </script> ; import( window.VFS = {`.split(
    " ",
  );

/** A page, with a few pieces of it removed, repeated, or put elsewhere, and bits of syntax put in. */
const damaged = fc
  .tuple(
    fc.constantFrom(...SEEDS),
    fc.array(
      fc.tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(200),
        fc.constantFrom(...SNIPPETS, "cut", "twice"),
      ),
      {
        minLength: 1,
        maxLength: 8,
      },
    ),
  )
  .map(([page, edits]) =>
    edits.reduce((text, [where, length, what]) => {
      const at = Math.floor(where * text.length);
      const [before, piece, after] = [
        text.slice(0, at),
        text.slice(at, at + length),
        text.slice(at + length),
      ];
      if (what === "cut") return before + after;
      if (what === "twice") return before + piece + piece + after;
      return before + what + piece + after;
    }, page),
  );

const runs = { numRuns: Number(process.env["FUZZ_RUNS"] ?? 500) };

function only(kind: new (message: string) => Error, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(kind);
  }
}

test("damaged bundles", { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(damaged, async (html) => {
      only(RangeError, () => parseAcPage(html));
      only(BundleError, () => checkBundle("x", new TextEncoder().encode(html)));
      expect(asksOf(html)).not.toContain("network");
      await unpackPage(html, 100_000);
      for (const { text } of tagsOf(html)) expect(text.length).toBeLessThanOrEqual(html.length);
    }),
    runs,
  );
});

test(
  "any text as JavaScript: its tokens follow each other, and rewriting nothing changes nothing",
  { timeout: 600_000 },
  () => {
    const text = fc
      .array(fc.constantFrom(...SNIPPETS, " ", "a", "import", "from", "new URL(", "import.meta.url)"))
      .map((a) => a.join(""));
    fc.assert(
      fc.property(text, (code) => {
        let at = 0;
        for (const { start, end } of tokensOf(code)) {
          expect(start).toBeGreaterThanOrEqual(at);
          expect(end).toBeGreaterThan(start);
          at = end;
        }
        expect(at).toBeLessThanOrEqual(code.length);
        expect(rewriteImports(code, () => undefined)).toBe(code);
        expect(rewriteImports(code, ({ start, end }) => code.slice(start, end))).toBe(code);
        for (const { specifier } of importsOf(code)) expect(code).toContain(specifier);
      }),
      runs,
    );
  },
);
