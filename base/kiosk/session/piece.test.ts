import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { layOut, STICKS } from "../../../src/testing/sticks.ts";
import { readPiece } from "./piece.ts";
import { NoPieceError, problemIn } from "./problem.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "piece-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each(STICKS)("$title: $expected", async (stick) => {
  const [mounted, problem] = [join(folder, "mounted"), join(folder, "problem")];
  mkdirSync(mounted);
  layOut(stick, mounted, problem);
  const read = await readPiece(mounted, problem).then(
    ({ name, sha256, html, ...rest }) => ({ line: `PIECE ${name} ${sha256} ${html.length}`, ...rest }),
    (error: unknown) => ({ line: error instanceof NoPieceError ? `NOPIECE ${error.code}` : String(error) }),
  );
  const { expected, allow, unknown = [] } = stick;
  expect(read).toEqual({ line: expected, ...(allow && { allow, unknown }) });
});

test("a problem of a code that is not known here is told as one that is", async () => {
  layOut(
    { title: "", files: {}, problem: "flooded there is water in it\n", expected: "" },
    folder,
    join(folder, "x"),
  );
  expect(await problemIn(join(folder, "x"))).toMatchObject({ code: "unreadable" });
  expect(await problemIn(join(folder, "y"))).toBeUndefined();
});
