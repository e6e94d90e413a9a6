import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const HERE = "/lib/x86_64-linux-gnu";
const [LIBC, LOADER] = ["libc.so.6", "ld-linux-x86-64.so.2"];
const STEP = path.join(import.meta.dirname, "steps/needed.sh");

let out: string;
let root: string;
beforeEach(() => {
  out = mkdtempSync(path.join(tmpdir(), "needed-"));
  root = path.join(out, "parts/x86_64/tiny/root");
  for (const folder of ["usr/bin", "usr/lib"]) mkdirSync(path.join(root, folder), { recursive: true });
  copyFileSync("/usr/bin/env", path.join(root, "usr/bin/env")); // which needs the C library and no other
  writeFileSync(path.join(root, "usr/bin/script"), "#!/bin/sh\n", { mode: 0o755 });
});
afterEach(() => rmSync(out, { recursive: true }));

function needed() {
  const { status, stderr } = spawnSync(STEP, ["tiny"], {
    env: { ...process.env, BASE_OUT: out, OS_ARCH: "x86_64" },
    encoding: "utf8",
  });
  return { status, stderr };
}

test("a library that has been left out and is needed is named, with who needs it", () => {
  const { status, stderr } = needed();
  expect(stderr).toContain("libc.so.6 usr/bin/env");
  expect(status).toBe(1);
});

test("what is needed is there", () => {
  for (const name of [LIBC, LOADER]) copyFileSync(path.join(HERE, name), path.join(root, "usr/lib", name));
  expect(needed()).toEqual({ status: 0, stderr: "" });
});

test("a function that is in no library is named, with who needs it", () => {
  for (const name of [LIBC, LOADER]) copyFileSync(path.join(HERE, LOADER), path.join(root, "usr/lib", name));
  const { status, stderr } = needed();
  expect(stderr).toMatch(/^execvp usr\/bin\/env$/m);
  expect(stderr).not.toContain("__gmon_start__"); // which is weak
  expect(status).toBe(1);
});
