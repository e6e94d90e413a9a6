import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

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
  writeFileSync(path.join(root, "usr/lib/libc.so.6"), "");
  writeFileSync(path.join(root, "usr/lib/ld-linux-x86-64.so.2"), "");
  expect(needed()).toEqual({ status: 0, stderr: "" });
});
