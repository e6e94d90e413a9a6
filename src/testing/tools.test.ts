import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { run, runForBytes, runWith } from "./tools.ts";

test("gives what a tool wrote, as text or as bytes", () => {
  expect(run("printf", "%s-%s", "é", "b")).toBe("é-b");
  expect([...runForBytes("printf", "\\377\\000")]).toEqual([0xff, 0]);
});

test("passes input, variables and folder on", () => {
  expect(runWith({ input: "in" }, "cat")).toBe("in");
  expect(run("cat")).toBe("");
  expect(runWith({ env: { WORD: "w" } }, "sh", "-c", 'printf "$WORD $LC_ALL"')).toBe("w C");
  expect(runWith({ cwd: tmpdir() }, "pwd")).toBe(`${tmpdir()}\n`);
});

test("throws with all that a failing tool said", () => {
  const fails = () => run("sh", "-c", "echo out; echo err >&2; exit 3");
  expect(fails).toThrow(/^sh -c .*: exit code 3\nerr\n\nout$/);
  expect(() => run("sh", "-c", "kill -9 $$")).toThrow(/ended by SIGKILL/);
});

test("says what to install when a tool is missing", () => {
  expect(() => runWith({ env: { PATH: "" } }, "sgdisk")).toThrow("sgdisk not found: apt install gdisk");
});
