import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "../../dev/stage/parse.ts";
import { addressOf, namedBy } from "./address.ts";

test.each<[line: string, pieces: string[], qualifiers: string[], address: string]>([
  ["os notepat", ["notepat"], [], "os:notepat"],
  ["os:notepat", ["notepat"], [], "os:notepat"],
  ["os : notepat", ["notepat"], [], "os:notepat"],
  ["os:", [], [], "os:"],
  ["os notepat tiny", ["notepat"], ["tiny"], "os:notepat:tiny"],
  ["os:notepat:tiny:2026.11.24", ["notepat"], ["tiny", "2026.11.24"], "os:notepat:tiny:2026.11.24"],
  [
    "os notepat line @jeffrey/frog",
    ["notepat", "line", "@jeffrey/frog"],
    [],
    "os:notepat~line~@jeffrey/frog",
  ],
  ["os~notepat~line", ["notepat", "line"], [], "os:notepat~line"],
  ["os $cow line $cow", ["$cow", "line"], [], "os:$cow~line"],
  ["os notepat line tiny", ["notepat", "line"], ["tiny"], "os:notepat:tiny~line"],
  ["os notepat tiny line", ["notepat", "line"], ["tiny"], "os:notepat:tiny~line"],
  ["os notepat:tiny line", ["notepat", "line"], ["tiny"], "os:notepat:tiny~line"],
  ["os notepat 2026.11.24 line", ["notepat", "line"], ["2026.11.24"], "os:notepat:2026.11.24~line"],
  ["os:notepat:own~line", ["notepat", "line"], ["own"], "os:notepat:own~line"],
  ["os notepat:arm", ["notepat"], ["arm"], "os:notepat:arm"],
  ["os notepat line arm", ["notepat", "line"], ["arm"], "os:notepat:arm~line"],
  ["os notepat arm line", ["notepat", "line"], ["arm"], "os:notepat:arm~line"],
  ["os notepat arm64 line", ["notepat", "line"], ["arm64"], "os:notepat:arm64~line"],
  ["os notepat pc tiny", ["notepat"], ["pc", "tiny"], "os:notepat:pc:tiny"],
  ["os tiny kiosk", ["tiny"], ["kiosk"], "os:tiny:kiosk"],
])("%s names %j on %j, and has the address %s", (line, pieces, qualifiers, address) => {
  const { colon, params } = parse(line);
  const named = namedBy(colon, params);
  expect(named).toEqual({ pieces, qualifiers });
  expect(addressOf(named)).toBe(address);
  const again = parse(address);
  expect(namedBy(again.colon, again.params)).toEqual(named);
});

test("every flavor of base that is made here is told from a piece", () => {
  const base = path.join(import.meta.dirname, "../../base");
  const flavors = readdirSync(base).filter((name) => existsSync(path.join(base, name, "rootfs")));
  expect(flavors).toContain("kiosk");
  for (const flavor of flavors) expect(namedBy([], ["notepat", flavor]).qualifiers).toEqual([flavor]);
});
