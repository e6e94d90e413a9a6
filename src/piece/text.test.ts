import { expect, test } from "vitest";
import { duration, plain, sentence, shown, size, thousands, wrap } from "./text.ts";

test.each([
  ["one two three", 7, ["one two", "three"]],
  ["one two three", 6, ["one", "two", "three"]],
  ["one two three", 13, ["one two three"]],
  ["abcdefgh", 3, ["abc", "def", "gh"]],
  ["a bcdefgh i", 3, ["a", "bcd", "efg", "h i"]],
  ["abc", 1, ["a", "b", "c"]],
  ["", 5, [""]],
])("wraps %j at %i", (text, columns, lines) => {
  expect(wrap(text, columns)).toEqual(lines);
});

test.each([
  ["paused.", "Paused."],
  ["loading...", "Loading..."],
  ["stop and throw away the file?", "Stop and throw away the file?"],
  ["boot it", "Boot it."],
  ["it may. ask twice. then stop", "It may. Ask twice. Then stop."],
  ["notepat-os.iso is in your downloads.", "notepat-os.iso is in your downloads."],
  ["balenaEtcher is. etcher.balena.io too", "balenaEtcher is. etcher.balena.io too."],
  ['"Flash!", then wait.', '"Flash!", then wait.'],
  ["1. flash it", "1. Flash it."],
  ["", ""],
])("tells %j as %j", (drawn, told) => {
  expect(sentence(drawn)).toBe(told);
});

test.each([
  [1, "1 KB"],
  [999_999, "1000 KB"],
  [1_234_567, "1.2 MB"],
  [99_900_000, "99.9 MB"],
  [540_016_640, "540 MB"],
  [2_985_295_872, "2,985 MB"],
  [1_234_567_890_123, "1,234,568 MB"],
])("%i bytes are %s", (bytes, text) => {
  expect(size(bytes)).toBe(text);
});

test("numbers below a hundred have a decimal", () => {
  expect([0, 99.94, 100, 1234].map(thousands)).toEqual(["0.0", "99.9", "100", "1,234"]);
});

test.each([
  [0, "0 s"],
  [58.2, "59 s"],
  [59.5, "1 min 0 s"],
  [3599, "59 min 59 s"],
  [7800, "2 h 10 min"],
])("%d seconds are %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test("what the typeface or a page's title cannot have is a question mark", () => {
  expect(plain("@jeffrey/frog:a.b-c_$")).toBe("@jeffrey/frog:a.b-c_$");
  expect(plain("<b>é\n")).toBe("?b???");
  expect(plain("x".repeat(99))).toHaveLength(40);
});

test("another's words are shown in the typeface, on a line, and not too long", () => {
  expect(shown("\u{1f373} Loading\tfonts...\n")).toBe("Loading fonts...");
  expect(shown("x".repeat(99))).toHaveLength(60);
  expect(shown("\u{1f373}")).toBe("");
});
