import { expect, test } from "vitest";
import { parse, slugOf } from "./parse.ts";

// The table of the runtime's own answers: line or path → params, colon, slug.
test.each([
  ["os:notepat", [], ["notepat"], "os:notepat"],
  ["os : notepat", [], ["notepat"], "os:notepat"],
  ["os notepat", ["notepat"], [], "os~notepat"],
  ["os~notepat", ["notepat"], [], "os~notepat"],
  ["os:$cow", [], ["$cow"], "os:$cow"],
  ["os:%24cow", [], ["$cow"], "os:$cow"],
  ["os $cow", ["$cow"], [], "os~$cow"],
  ["os:@jeffrey/frog", [], ["@jeffrey/frog"], "os:@jeffrey/frog"],
  ["os @jeffrey/frog", ["@jeffrey/frog"], [], "os~@jeffrey/frog"],
  ["os:notepat:fast~x", ["x"], ["notepat", "fast"], "os:notepat:fast~x"],
  ["os", [], [], "os"],
  ["os:", [], [""], "os:"],
  ["  os notepat ", ["notepat"], [], "os~notepat"],
  ["os ../x", ["../x"], [], "os~../x"],
  ["os 100%", ["100%"], [], "os~100%"],
])("takes %j apart", (line, params, colon, text) => {
  const parsed = parse(line);
  expect(parsed).toMatchObject({ params, colon, text, piece: "os", path: "aesthetic.computer/disks/os" });
});

test.each(["/os:notepat", "/os:$cow", "/os:@jeffrey/frog", "/os~notepat"])("reads %s as typed", (path) => {
  expect(parse(slugOf(new URL(path, "http://ac")))).toEqual(parse(path.slice(1)));
});

test("splits off what follows a question mark, and a hash", () => {
  expect(parse("os:notepat?density=4")).toMatchObject({ colon: ["notepat"], search: "density=4" });
  expect(parse("?density=4")).toMatchObject({ piece: "prompt", search: "density=4" });
  expect(parse("os:notepat#x")).toMatchObject({ text: "os:notepat", hash: "x" });
});

test("nothing is the prompt", () => {
  expect(parse("")).toMatchObject({ piece: "prompt", text: "prompt" });
  expect(parse("/")).toMatchObject({ piece: "prompt" });
});

test("knows where a person's own pieces lie", () => {
  expect(parse("@jeffrey/frog:a b")).toMatchObject({
    path: "media/@jeffrey/piece/frog",
    colon: ["a"],
    params: ["b"],
  });
});
