import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../src/testing/tools.ts";

// What decides an image is listed in lib.sh: too little there, and a build says "up to date" after a change.

const BASE = resolve(import.meta.dirname, "..");
const ROOT = resolve(BASE, "..");

/** Modules that are run when an image is made, and those that are emitted into it. */
const ENTRIES = [
  "base/build/tools",
  "base/kiosk/session",
  "base/kiosk/settings",
  "base/kiosk/control",
].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => /\.[tj]s$/.test(name) && !name.endsWith(".test.ts"))
    .map((name) => join(folder, name)),
);

/** The files that `inputs` in lib.sh lists, folders as such, relative to the repository. */
const inputs = run("bash", "-c", '. "$0" && inputs', join(BASE, "build/lib.sh"))
  .trim()
  .split("\n")
  .map((path) => relative(ROOT, join(BASE, path)));

/** The modules that `file` imports when it runs, relative to the repository. Types leave no trace in what is made. */
function importsOf(file: string): string[] {
  const source = readFileSync(join(ROOT, file), "utf8");
  const statements = source.matchAll(/^(?:import|export)\b(?! type\b)[^;]*?from "(\.[^"]+)";/gm);
  return [...statements].map(([, path = ""]) => relative(ROOT, resolve(ROOT, file, "..", path)));
}

function closure(entries: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    importsOf(file).forEach(visit);
  };
  entries.forEach(visit);
  return seen;
}

const covers = (listed: readonly string[], file: string) =>
  listed.some((path) => file === path || file.startsWith(`${path}/`));

test("lib.sh lists every module that has a part in an image, and no other of src", () => {
  const modules = closure(ENTRIES);
  expect(ENTRIES).toEqual(
    expect.arrayContaining(["base/build/tools/hybrid.ts", "base/kiosk/session/main.ts"]),
  );
  expect([...modules].filter((file) => !covers(inputs, file))).toEqual([]);
  expect(inputs.filter((path) => path.startsWith("src/") && !modules.has(path))).toEqual([]);
});

test("all that is listed is there", () => {
  expect(inputs.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test.each(["push", "pull_request"])("the workflow runs on a %s that changes any of it", (event) => {
  const workflow = readFileSync(join(ROOT, ".github/workflows/base.yml"), "utf8");
  const section = new RegExp(`^  ${event}:\\n((?:    .*\\n)+)`, "m").exec(workflow)?.[1] ?? "";
  const patterns = [...section.matchAll(/^ +- "(.+)"$/gm)].map(([, pattern = ""]) =>
    pattern.replace(/\/\*\*$/, ""),
  );
  expect(patterns.length).toBeGreaterThan(1);
  expect(inputs.filter((path) => !covers(patterns, path))).toEqual([]);
});
