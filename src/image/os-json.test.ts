import { expect, test } from "vitest";
import { STICKS } from "../testing/sticks.ts";
import { formatOsJson, OS_JSON_LIMIT, type OsJson, parseOsJson } from "./os-json.ts";

const [whole] = STICKS;
const text = whole!.files["os.json"] as string;

test("what is written is what the fixtures hold, and what is read is what was written", () => {
  const read = parseOsJson(text);
  expect(formatOsJson(read)).toBe(text);
  expect(read).toEqual(JSON.parse(text));
});

const texts = STICKS.flatMap(({ title, files, expected }) => {
  const content = files["os.json"];
  return typeof content === "string" && content !== "" && content.length <= OS_JSON_LIMIT
    ? [{ title, content, malformed: expected === "NOPIECE os-json-malformed" }]
    : [];
});

test.each(texts)("$title: malformed $malformed", ({ content, malformed }) => {
  if (malformed) expect(() => parseOsJson(content)).toThrow(RangeError);
  else expect(parseOsJson(content).format).toBe(1);
});

test.each<Partial<OsJson>>([{ piece: "two words" }, { size: -1 }, { sha256: "" }])(
  "%j is not written, since no reader would take it",
  (change) => {
    expect(() => formatOsJson({ ...parseOsJson(text), ...change })).toThrow(RangeError);
  },
);
