import { readFileSync } from "node:fs";
import { join } from "node:path";
import { COUNTRIES } from "../../../src/settings/countries.ts";
import { KEYBOARDS, type KeyboardLayout } from "../../../src/settings/keyboards.ts";

// What settings.json may say is decided by lists of ours, since a page has no packages to look into. This holds them
// against the packages of an image: a choice that its machine does not know would be a choice that does nothing.

/** The keyboards of a file `evdev.lst` of xkb-data, in its order, without the one that is for a file of one's own. */
export function keyboardsIn(text: string): KeyboardLayout[] {
  const rows = (section: string) => {
    const [, found = ""] = new RegExp(`^! ${section}\\n([^!]*)`, "m").exec(text) ?? [];
    return [...found.matchAll(/^ +(\S+) +(.+)$/gm)].map(([, code = "", words = ""]) => ({ code, words }));
  };
  const variants = rows("variant");
  return rows("layout")
    .filter(({ code }) => code !== "custom")
    .map(({ code, words }) => ({
      code,
      name: words,
      variants: variants.filter((each) => each.words.startsWith(`${code}:`)).map((each) => each.code),
    }));
}

/** The codes of a file `iso3166.tab` of tzdata. */
export function countriesIn(text: string): string[] {
  return [...text.matchAll(/^([A-Z]{2})\t/gm)].map(([, code = ""]) => code);
}

/** `keyboards` as `KEYBOARDS` has them. */
export function formatKeyboards(keyboards: readonly KeyboardLayout[]): string {
  return keyboards
    .map(
      ({ code, name, variants }) =>
        `${[code, name, ...(variants.length > 0 ? [variants.join(" ")] : [])].join("|")}\n`,
    )
    .join("");
}

/** Throws `Error` when a list differs from that of the packages that are unpacked in `tree`, with what it should be. */
export function checkLists(tree: string): void {
  const read = (path: string) => readFileSync(join(tree, "usr/share", path), "utf8");
  const keyboards = formatKeyboards(keyboardsIn(read("X11/xkb/rules/evdev.lst")));
  if (keyboards !== formatKeyboards(KEYBOARDS)) {
    throw new Error(`src/settings/keyboards.ts is not the list of xkb-data, which is:\n${keyboards}`);
  }
  const countries = countriesIn(read("zoneinfo/iso3166.tab")).join(" ");
  if (countries !== COUNTRIES.join(" ")) {
    throw new Error(`src/settings/countries.ts is not the list of tzdata, which is:\n${countries}`);
  }
}

if (process.argv[1] === import.meta.filename) checkLists(process.argv[2] ?? "");
