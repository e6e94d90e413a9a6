import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EVENT_BYTES } from "./hold.ts";
import { watchHolds } from "./watch.ts";

/** A device in /dev and /sys, of which what is written into a pipe is read. */
function plugIn(folder: string, name: string, properties: string, key: string, abs: string): string {
  mkdirSync(join(folder, "sys", name, "device/capabilities"), { recursive: true });
  const at = (file: string) => join(folder, "sys", name, "device", file);
  writeFileSync(at("properties"), `${properties}\n`);
  writeFileSync(at("capabilities/key"), `${key}\n`);
  writeFileSync(at("capabilities/abs"), `${abs}\n`);
  execFileSync("mkfifo", [join(folder, "dev", name)]);
  return join(folder, "dev", name);
}

function event(type: number, code: number, value: number): Uint8Array {
  const bytes = new Uint8Array(EVENT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(16, type, true);
  view.setUint16(18, code, true);
  view.setInt32(20, value, true);
  return bytes;
}

test("a keyboard, and a touch screen that is plugged in later, are watched", async () => {
  const folder = mkdtempSync(join(tmpdir(), "watch-"));
  mkdirSync(join(folder, "dev"));
  const evtest = join(folder, "evtest");
  const ranges = ["X", "Y"].map(
    (axis, i) => `    Event code ${i} (ABS_${axis})\n      Value 5\n      Min 0\n      Max 100\n`,
  );
  writeFileSync(evtest, `#!/bin/sh\ncat << END\n${ranges.join("")}END\nexec sleep 60\n`, { mode: 0o755 });
  const keyboard = plugIn(folder, "event0", "0", "feffffdfffefffff fffffffffffffffe", "0");
  plugIn(folder, "event1", "0", "1f0000 0 0 0 0", "0"); // a mouse, which nobody opens
  const over = new AbortController();
  const holds: string[] = [];
  let hasCome = () => {};
  const watching = watchHolds({
    devices: join(folder, "dev"),
    classes: join(folder, "sys"),
    evtest,
    onHold: (hold) => {
      holds.push(hold);
      hasCome();
    },
    signal: over.signal,
  });
  const come = async () => await new Promise<void>((done) => (hasCome = done));
  try {
    const keys = await open(keyboard, "w"); // waits until it is read
    await keys.write(event(1, 59, 1));
    await come();
    expect(holds).toEqual(["key"]);
    await keys.close();
    const screen = await open(plugIn(folder, "event2", "2", "400 0 0 0 0 0", "3"), "w");
    for (const each of [event(3, 0, 99), event(3, 1, 2), event(1, 0x14a, 1)]) await screen.write(each);
    await come();
    expect(holds).toEqual(["key", "corner 1"]);
    rmSync(keyboard); // or it would be opened again
    await screen.close();
  } finally {
    over.abort();
    await watching;
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
