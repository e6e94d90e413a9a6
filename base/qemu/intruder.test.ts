import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const UNITS = join(import.meta.dirname, "../kiosk/rootfs/usr/lib/systemd/system");

test.each(["intruder", "witness"])("what %s changes of units changes units of the kiosk's", (guest) => {
  const changed = readdirSync(join(import.meta.dirname, guest, "etc/systemd/system"))
    .filter((name) => name.endsWith(".d"))
    .map((name) => name.slice(0, -".d".length));
  expect(changed).toContain("kiosk.service");
  expect(changed.filter((unit) => !existsSync(join(UNITS, unit)))).toEqual([]);
});
