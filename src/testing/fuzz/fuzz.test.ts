import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

function fuzz(...args: string[]) {
  const main = path.join(import.meta.dirname, "fuzz.ts");
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), main, ...args],
    { encoding: "utf8" },
  );
  return { status, said: `${stdout}${stderr}` };
}

test("every parser survives a minute of what nobody would send by mistake", () => {
  const { status, said } = fuzz("60");
  expect(said).not.toContain("✗"); // with the line that does the same again
  expect(status, said).toBe(0);
  for (const [, cases] of said.matchAll(/: (\d+) cases/g)) expect(Number(cases)).toBeGreaterThan(10);
  expect(said.match(/ cases, \d+ MiB$/gm)?.length).toBe(12);
}, 600_000);

test.each([
  ["hang", /did not end within 1 s/],
  ["crash", /TypeError: no words of ours/],
  ["native", /RangeError: Invalid typed array length/],
  ["recursion", /Maximum call stack/],
  ["heap", /memory limit|took \d+ bytes/],
  ["memory", /took \d+ bytes of memory/],
])(
  "a fault is found, and found again: %s",
  (name, message) => {
    const patience = name === "hang" ? "1" : "30";
    const first = fuzz("60", "--seed", "5", "--target", name, "--patience", patience);
    expect(first.said).toMatch(message);
    expect(first.status).toBe(1);
    const [, again = ""] = /again: npm run fuzz -- (.*)/.exec(first.said) ?? [];
    expect(again).toMatch(/^--seed 5 --target \w+ --case \d+$/);
    if (!/heap|memory/.test(name))
      expect(fuzz(...again.split(" "), "--patience", patience).said).toMatch(message);
  },
  300_000,
);
