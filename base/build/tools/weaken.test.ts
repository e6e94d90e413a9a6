import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../../../src/testing/tools.ts";
import { weakened } from "./weaken.ts";

const ENV = "/usr/bin/env"; // which needs the C library and no other

test("what begins with those letters may be missing, and all else is as it was", () => {
  const folder = mkdtempSync(join(tmpdir(), "weaken-"));
  const made = join(folder, "env");
  writeFileSync(made, weakened(readFileSync(ENV), "mem"));
  chmodSync(made, 0o755);
  const [before, after] = [ENV, made].map((file) => symbolsOf(file));
  expect(before!.filter((symbol) => symbol.startsWith("GLOBAL mem")).length).toBeGreaterThan(0);
  expect(after).toEqual(before!.map((symbol) => symbol.replace(/^GLOBAL mem/, "WEAK mem")));
  expect(run(made, "-i", "A=1", made)).toBe("A=1\n");
  rmSync(folder, { recursive: true });
});

test("what is no library, and a name that nothing needs, is refused", () => {
  expect(() => weakened(Buffer.from("#!/bin/sh\n"), "mem")).toThrow("no ELF file of 64 bits");
  expect(() => weakened(readFileSync(ENV), "Z3_")).toThrow("no symbol that begins with Z3_ is needed");
});

/** "BINDING NAME" of each symbol that another file has to have. */
function symbolsOf(file: string): string[] {
  const rows = run("readelf", "--dyn-syms", "--wide", file).split("\n");
  return rows.flatMap((row) => {
    const [, , , , binding, , where, name = ""] = row.trim().split(/\s+/);
    return where === "UND" && name !== "" ? [`${binding} ${name.replace(/@.*/, "")}`] : [];
  });
}
