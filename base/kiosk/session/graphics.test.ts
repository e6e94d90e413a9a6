import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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
  expect(await canDraw(0, { nodes: folder, drivers: "/nowhere" })).toBe(can);
  rmSync(folder, { recursive: true });
});

test.each([
  ["virtio0/features", "1100000000", true],
  ["virtio0/features", "0100000000", false],
  ["features", "0100000000", false],
  ["vendor", "0x8086", true],
])("a card whose %s is %s can draw: %s", async (file, text, can) => {
  const folder = mkdtempSync(join(tmpdir(), "dri-"));
  const [nodes, drivers] = [join(folder, "nodes"), join(folder, "drivers")];
  for (const path of [join(nodes, "card0"), join(nodes, "renderD128")]) mkdirSync(path, { recursive: true });
  const told = join(drivers, "renderD128/device", file);
  mkdirSync(dirname(told), { recursive: true });
  writeFileSync(told, `${text}\n`);
  expect(await canDraw(0, { nodes, drivers })).toBe(can);
  rmSync(folder, { recursive: true });
});

test("a driver that comes late is waited for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dri-"));
  const answer = canDraw(60_000, { nodes: folder, drivers: "/nowhere" });
  await delay(120);
  writeFileSync(join(folder, "card0"), "");
  expect(await answer).toBe(false);
  rmSync(folder, { recursive: true });
});

test("without any it is left to what needs one", async () => {
  expect(await canDraw(1, { nodes: "/nowhere", drivers: "/nowhere" })).toBe(true);
});
