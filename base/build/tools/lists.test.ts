import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { COUNTRIES } from "../../../src/settings/countries.ts";
import { KEYBOARDS } from "../../../src/settings/keyboards.ts";
import { checkLists, countriesIn, keyboardsIn } from "./lists.ts";

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "lists-"));
  mkdirSync(join(tree, "usr/share/X11/xkb/rules"), { recursive: true });
  mkdirSync(join(tree, "usr/share/zoneinfo"), { recursive: true });
});
afterEach(() => rmSync(tree, { recursive: true }));

/** The two files of the packages, as they are laid out there, with these lists in them. */
function write(keyboards: typeof KEYBOARDS, countries: readonly string[]): void {
  const layouts = keyboards.map(({ code, name }) => `  ${code.padEnd(15)} ${name}\n`);
  const variants = keyboards.flatMap(({ code, name, variants: each }) =>
    each.map((variant) => `  ${variant.padEnd(15)} ${code}: ${name} (${variant})\n`),
  );
  const lists = [
    ["model", ["  pc105           Generic 105-key PC\n"]],
    ["layout", [...layouts, "  custom          A user-defined custom Layout\n"]],
    ["variant", variants],
    ["option", ["  grp                  Switching to another layout\n"]],
  ] as const;
  const evdev = lists.map(([name, rows]) => `! ${name}\n${rows.join("")}\n`).join("");
  writeFileSync(join(tree, "usr/share/X11/xkb/rules/evdev.lst"), evdev);
  const codes = countries.map((code) => `${code}\tA country\n`);
  writeFileSync(join(tree, "usr/share/zoneinfo/iso3166.tab"), `# tzdb\n${codes.join("")}`);
}

test("the lists of a page are those of an image's packages", () => {
  write(KEYBOARDS, COUNTRIES);
  expect(() => checkLists(tree)).not.toThrow();
});

test("a layout or a country more, or less, is found, and what the list should be", () => {
  write([...KEYBOARDS, { code: "xx", name: "New", variants: ["a", "b"] }], COUNTRIES);
  expect(() => checkLists(tree)).toThrow(/^src\/settings\/keyboards.ts is not [^]*\nxx\|New\|a b\n$/);
  write(
    KEYBOARDS.map((layout) => (layout.code === "de" ? { ...layout, variants: [] } : layout)),
    COUNTRIES,
  );
  expect(() => checkLists(tree)).toThrow(/\nde\|German\n/);
  write(KEYBOARDS, COUNTRIES.slice(1));
  expect(() => checkLists(tree)).toThrow(/^src\/settings\/countries.ts is not [^]*\nAE AF /);
});

test("rows are read by their columns", () => {
  const text =
    "! layout\n  de              German\n  us   English (US)\n\n! variant\n  neo   de: German (Neo 2)\n\n! option\n";
  expect(keyboardsIn(text)).toEqual([
    { code: "de", name: "German", variants: ["neo"] },
    { code: "us", name: "English (US)", variants: [] },
  ]);
  expect(countriesIn("# a\tb\nAD\tAndorra\nAE\tUnited Arab Emirates\n")).toEqual(["AD", "AE"]);
});
