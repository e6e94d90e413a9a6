import { expect, test } from "vitest";
import { icuItems, isDispensable } from "./icu.ts";

/** A library as the linker makes it, with ICU's common data of these items, each its own name in capitals. */
function library(names: readonly string[]): Buffer {
  const header = Buffer.alloc(32);
  header.writeUInt16LE(32, 0);
  header.set([0xda, 0x27], 2);
  header.write("CmnD", 12);
  const toc = Buffer.alloc(4 + 8 * names.length);
  toc.writeUInt32LE(names.length);
  const texts = names.map((name) => Buffer.from(`icudt76l/${name}\0`));
  const items = names.map((name) => Buffer.from(name.toUpperCase()));
  let at = toc.length;
  texts.forEach((text, i) => {
    toc.writeUInt32LE(at, 4 + 8 * i);
    at += text.length;
  });
  items.forEach((item, i) => {
    toc.writeUInt32LE(at, 8 + 8 * i);
    at += item.length;
  });
  return Buffer.concat([Buffer.from("\x7fELF and so on"), header, toc, ...texts, ...items]);
}

test("the items are where ICU's table says, but for the last, whose end is not said", () => {
  const names = ["coll/de.res", "en.res", "root.res"];
  const bytes = library(names);
  const items = icuItems(bytes);
  expect(items.map(({ name }) => name)).toEqual(["coll/de.res", "en.res"]);
  expect(items.map(({ start, end }) => bytes.toString("latin1", start, end))).toEqual([
    "COLL/DE.RES",
    "EN.RES",
  ]);
});

test.each(["", "CmnD", "x".repeat(40), `${"x".repeat(40)}CmnD`])("no data of ICU's: %j", (text) => {
  expect(() => icuItems(Buffer.from(text))).toThrow("no common data");
});

test.each([
  ["root.res", false],
  ["en.res", false],
  ["lang/en.res", false],
  ["coll/root.res", false],
  ["coll/ucadata.icu", false],
  ["res_index.res", false],
  ["lang/res_index.res", false],
  ["curr/supplementalData.res", false],
  ["zoneinfo64.res", false],
  ["timezoneTypes.res", false],
  ["keyTypeData.res", false],
  ["pool.res", false],
  ["lang/pool.res", false],
  ["uts46.nrm", false],
  ["cnvalias.icu", false],
  ["de.res", true],
  ["zh_Hans_SG.res", true],
  ["lang/fil.res", true],
  ["en_GB.res", true],
  ["brkitr/thaidict.dict", true],
  ["ibm-930_P120-1999.cnv", true],
  ["translit/root.res", true],
  ["unames.icu", true],
])("%s can be missed: %s", (name, can) => {
  expect(isDispensable(name)).toBe(can);
});
