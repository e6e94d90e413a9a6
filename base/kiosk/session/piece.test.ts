import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { allowancesOf } from "../../../src/allowances.ts";
import { splash } from "../../../src/splash/splash.ts";
import { layOut, SEVERAL, STICKS } from "../../../src/testing/sticks.ts";
import { linesOf, readStick } from "./piece.ts";
import { NoPieceError, problemIn } from "./problem.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "piece-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each([...STICKS, ...SEVERAL])("$title: $expected", async (stick) => {
  const [mounted, problem] = [join(folder, "mounted"), join(folder, "problem")];
  mkdirSync(mounted);
  layOut(stick, mounted, problem);
  const read = await readStick(mounted, problem).then(
    (found) => ({
      lines: linesOf(found).map((line) => line.replace(/^(NOPIECE \S+) .*/, "$1")),
      allow: allowancesOf(found.pieces.flatMap(({ allow }) => allow)).allow,
      unknown: found.pieces.flatMap(({ unknown }) => unknown),
    }),
    (error: unknown) => ({
      lines: [error instanceof NoPieceError ? `NOPIECE ${error.code}` : String(error)],
    }),
  );
  const { expected, allow, unknown = [] } = stick;
  expect(read).toEqual({ lines: expected.split("\n"), ...(allow && { allow, unknown }) });
});

test("a picture for the menu is a PNG of a size that is shown, or there is none", async () => {
  const [whole] = SEVERAL;
  const png = Buffer.from(await splash("toad"));
  const huge = Buffer.from(png);
  huge.writeUInt32BE(5000, 16); // IHDR: width, height
  huge.writeUInt32BE(5000, 20);
  for (const [bytes, shown] of [
    [png, png],
    [huge, undefined],
    [Buffer.from("<svg/>"), undefined],
  ] as const) {
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    layOut(whole!, folder, "");
    writeFileSync(join(folder, "pieces/toad/splash.png"), bytes);
    const { pieces } = await readStick(folder, join(folder, "no-problem"));
    expect(pieces.map((piece) => piece.splash)).toEqual([undefined, shown]);
  }
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
