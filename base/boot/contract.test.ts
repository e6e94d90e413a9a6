import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PROBLEMS } from "../kiosk/session/problem.ts";

const read = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");

/** The codes of NOPIECE lines and their texts, as docs/boot-contract.md lists them; what is in brackets is explanation. */
const CONTRACT = new Map(
  [
    ...read("docs/boot-contract.md").matchAll(
      /^\| `([a-z0-9-]+)` +\| ([^|(]+?) *(?:\([^|]*)?\| [^|]*(?:initramfs|session)[^|]*\|$/gm,
    ),
  ].map(([, code = "", text = ""]) => [code, text]),
);

test("the kiosk's codes and texts are those of the contract", () => {
  const ofTheInitramfs = ["no-disk", "ventoy", "no-system", "damaged", "memory"];
  const kiosk = new Map(Object.entries(PROBLEMS));
  expect(new Set(CONTRACT.keys())).toEqual(new Set([...ofTheInitramfs, ...kiosk.keys()]));
  for (const [code, text] of kiosk) expect([code, text]).toEqual([code, CONTRACT.get(code)]);
});

test.each([
  ["base/boot/initramfs/init", /\bproblem ([a-z0-9-]+) "([^"]+)"|"NOPIECE ([a-z-]+) ([^"]+)"/g, 8],
  ["base/boot/damage/strike", /()()"NOPIECE ([a-z-]+) ([^"]+)"/g, 2],
  [
    "base/tiny/rootfs/usr/lib/fedac/check-piece",
    /\bno ([a-z0-9-]+) "(\w[^"]+)"|echo "NOPIECE ([a-z0-9-]+) (\w[^"$]+)"/g,
    6,
  ],
] as const)("%s tells problems by the codes and texts of the contract", (script, pattern, count) => {
  const told = [...read(script).matchAll(pattern)].map((match) => match.slice(1).filter(Boolean));
  expect(told.length).toBeGreaterThanOrEqual(count);
  for (const [code = "", text] of told) expect([code, text]).toEqual([code, CONTRACT.get(code)]);
});

test("the kernel arguments that GRUB gives are those that the initramfs reads", () => {
  const grub = read("base/boot/esp/grub.cfg");
  const init = read("base/boot/initramfs/init");
  expect(grub).toContain("vmlinuz $disk piece=$piece ");
  const given = [...grub.matchAll(/set (disk|piece)="([^"$]+)\$/g)].map(([, name = "", start = ""]) => {
    return name === "piece" ? `piece=${start}` : start;
  });
  expect(given.toSorted((one, other) => one.localeCompare(other, "en"))).toEqual([
    "live=PARTUUID=",
    "piece=DIR=",
    "piece=UUID=",
    "stick=",
  ]);
  for (const argument of given) expect(init).toMatch(new RegExp(`\\b${argument}\\*[^ ]*\\)`));
});
