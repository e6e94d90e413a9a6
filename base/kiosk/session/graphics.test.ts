import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { canDraw } from "./graphics.ts";

test.each([
  [["card0", "renderD128"], true],
  [["card0"], false],
  [["by-path", "card1"], false],
  [["card0", "card1", "renderD128"], true],
])("with the nodes %j a driver can draw: %s", async (nodes, can) => {
  const folder = mkdtempSync(join(tmpdir(), "dri-"));
  for (const name of nodes) writeFileSync(join(folder, name), "");
  expect(await canDraw(0, folder)).toBe(can);
  rmSync(folder, { recursive: true });
});

test("a driver that comes late is waited for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dri-"));
  const answer = canDraw(60_000, folder);
  await delay(120);
  writeFileSync(join(folder, "card0"), "");
  expect(await answer).toBe(false);
  rmSync(folder, { recursive: true });
});

test("without any it is left to what needs one", async () => {
  expect(await canDraw(1, "/nowhere")).toBe(true);
});
