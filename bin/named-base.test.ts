import { expect, test } from "vitest";
import type { At } from "../src/image/contents.ts";
import { pattern } from "../src/testing/bytes.ts";
import { type Differences, networkImage } from "../src/testing/network-image.ts";
import { architectureIn, namedBase } from "./named-base.ts";

const MIB = 1024 * 1024;
const FOR_ARM = { "EFI/BOOT/BOOTX64.EFI": null, "EFI/BOOT/BOOTAA64.EFI": pattern(3000, 1) };

/** What is known of an image, of which only the first `size` bytes are there. */
async function ask(differences: Differences, size = Infinity) {
  const image = networkImage(differences).subarray(0, size);
  const at: At = async (start, length) => {
    if (start + length > image.length) throw new RangeError("it ends before that");
    return image.slice(start, start + length);
  };
  return [(await namedBase(at, image.length))?.version, await architectureIn(at, image.length)];
}

test.each<[what: string, Differences, size: number | undefined, known: unknown[]]>([
  ["that is whole, by what it says", {}, undefined, ["2026.1.1", "x86_64"]],
  [
    "that says one thing and starts another, by what it says",
    { esp: FOR_ARM },
    undefined,
    ["2026.1.1", "x86_64"],
  ],
  ["that was cut off before its piece, by what it starts", {}, 14 * MIB, [undefined, "x86_64"]],
  ["for ARM that was cut off", { esp: FOR_ARM }, 14 * MIB, [undefined, "aarch64"]],
  ["without a piece", { esp: FOR_ARM, files: null }, undefined, [undefined, "aarch64"]],
  [
    "that starts both",
    { esp: { ...FOR_ARM, "EFI/BOOT/BOOTX64.EFI": pattern(9) }, files: null },
    undefined,
    [undefined, undefined],
  ],
  ["that was cut off in its table", { esp: FOR_ARM }, 4096, [undefined, undefined]],
  ["that was cut off in its ESP", { esp: FOR_ARM }, 4 * MIB + 600, [undefined, undefined]],
])("what an image is for is known, of one %s", async (_, differences, size, known) => {
  expect(await ask(differences, size)).toEqual(known);
});
