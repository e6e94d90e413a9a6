import { constantFrom, sample, string } from "fast-check";
import { expect, test } from "vitest";
import { run } from "../testing/tools.ts";
import { nameHash } from "./hash.ts";
import { scratch, UUID } from "./testing.ts";
import { identify } from "./options.ts";
import { writeFileSync } from "node:fs";

/** What debugfs makes of names with the seed: it runs commands from a file, so many names cost one start. */
function judged(names: readonly string[], seed: string): string[] {
  const script = scratch("script");
  writeFileSync(script, names.map((name) => `dx_hash -h half_md4 -s ${seed} "${name}"\n`).join(""));
  const said = run("debugfs", "-f", script);
  return [...said.matchAll(/is (0x[0-9a-f]+) \(minor (0x[0-9a-f]+)\)/g)].map(
    ([, major, minor]) => `${major} ${minor}`,
  );
}

function ours(name: string, hashSeed: string): string {
  const { hashSeed: words } = identify({ size: 0, time: 0, uuid: UUID, hashSeed });
  const bytes = new TextEncoder().encode(name);
  const { major, minor } = nameHash(bytes, bytes.length, words);
  return `0x${major.toString(16)} 0x${minor.toString(16)}`;
}

test.each([UUID, "00000000-0000-0000-0000-000000000000"])("agrees with debugfs, seed %s", (seed) => {
  const lengths = Array.from({ length: 255 }, (_, i) => "abcdefghijklmnop".repeat(16).slice(0, i + 1));
  const letters = constantFrom("a", "b", "Z", "0", "_", ".", "é", "ß", "漢", "😀"); // debugfs takes "-" for an option
  const names = [
    ...lengths,
    ...sample(string({ unit: letters, minLength: 1, maxLength: 60 }), { numRuns: 500, seed: 1 }),
  ];
  expect(names.map((name) => ours(name, seed))).toEqual(judged(names, seed));
});
