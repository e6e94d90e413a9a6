import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { SaveError } from "../src/errors.ts";
import { GPT_LENGTH } from "../src/image/gpt.ts";
import { testBase } from "../src/testing/test-base.ts";
import { put } from "./put.ts";

// A stick that gives back something else is not at hand: reading back fails here, and all else is real.
vi.mock("./target.ts", async (original) => ({
  ...(await original<typeof import("./target.ts")>()),
  readBack: async () => {
    throw new SaveError("stick.img does not keep what is written to it");
  },
}));

const root = mkdtempSync(path.join(tmpdir(), "os-put-failed-"));
afterAll(() => rmSync(root, { recursive: true }));

test("an image that was not read back as it is does not start", async () => {
  const { image } = await testBase();
  const stick = path.join(root, "stick.img");
  writeFileSync(path.join(root, "base.img"), image);
  writeFileSync(stick, image);
  const error = await put([path.join(root, "base.img"), stick, "--yes"]).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(SaveError);
  expect((error as Error).message).toBe(
    `stick.img does not keep what is written to it. ${stick} does not start a computer now: put the image there again`,
  );
  expect((error as Error).cause).toBeInstanceOf(SaveError);
  const left = readFileSync(stick);
  expect(left.subarray(0, GPT_LENGTH).every((byte) => byte === 0)).toBe(true);
  expect(left.subarray(GPT_LENGTH).equals(image.subarray(GPT_LENGTH))).toBe(true);
});
