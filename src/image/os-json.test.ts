import { expect, test } from "vitest";
import { STICKS } from "../testing/sticks.ts";
import { formatOsJson, OS_JSON_LIMIT, type OsJson, parseOsJson } from "./os-json.ts";

const [whole] = STICKS;
const text = whole!.files["os.json"] as string;

test("what is written is what the fixtures hold, and what is read is what was written", () => {
  const read = parseOsJson(text);
  expect(formatOsJson(read)).toBe(text);
  expect(read).toEqual({ ...(JSON.parse(text) as object), unknown: [] });
});

test("what is allowed is written in order, each once, and nothing unknown is", () => {
  const os = parseOsJson(text);
  const written = formatOsJson({ ...os, allow: ["network", "camera", "network"] });
  expect(written).toContain('\n  "allow": ["camera","network"]\n');
  expect(() => formatOsJson({ ...os, allow: ["teleport" as "camera"] })).toThrow(RangeError);
});

const texts = STICKS.flatMap(({ title, files, expected, allow, unknown = [] }) => {
  const content = files["os.json"];
  return typeof content === "string" && content !== "" && content.length <= OS_JSON_LIMIT
    ? [{ title, content, allow, unknown, malformed: expected === "NOPIECE os-json-malformed" }]
    : [];
});

test.each(texts)("$title: malformed $malformed", ({ content, malformed, allow, unknown }) => {
  if (malformed) expect(() => parseOsJson(content)).toThrow(RangeError);
  else expect(parseOsJson(content)).toMatchObject({ format: 1, unknown, ...(allow && { allow }) });
});

test.each<Partial<OsJson>>([{ piece: "two words" }, { size: -1 }, { sha256: "" }])(
  "%j is not written, since no reader would take it",
  (change) => {
    expect(() => formatOsJson({ ...parseOsJson(text), ...change })).toThrow(RangeError);
  },
);

test("who has built it is written where it is said, and what is no handle is passed over", () => {
  const os = parseOsJson(text);
  expect(text).not.toContain('"by"');
  const signed = formatOsJson({ ...os, by: "@jeffrey" });
  expect(parseOsJson(signed)).toEqual({ ...os, by: "@jeffrey" });
  for (const by of ["jeffrey", `@${"x".repeat(17)}`, 7, "@a\nb"]) {
    expect(() => formatOsJson({ ...os, by: by as string })).toThrow(RangeError);
    const odd = signed.replace('"@jeffrey"', JSON.stringify(by));
    expect(parseOsJson(odd)).not.toHaveProperty("by");
  }
});
