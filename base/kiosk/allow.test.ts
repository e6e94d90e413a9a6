import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Allowance } from "../../src/allowances.ts";
import { layOut, SEVERAL, STICKS } from "../../src/testing/sticks.ts";

const ROOT = join(import.meta.dirname, "rootfs");
const SCRIPT = join(ROOT, "usr/lib/systemd/system-generators/kiosk-allow");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "allow-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What root makes of a stick: the marks, and the drop-ins by name. */
function decide(stick: (typeof STICKS)[number]): { marks: string[]; slices: Record<string, string> } {
  const [mounted, units] = [join(folder, "mounted"), join(folder, "units")];
  mkdirSync(mounted);
  mkdirSync(units);
  layOut(stick, mounted, join(folder, "problem"));
  // With what the image has, which is no sed or grep; a program that is not there ends the script
  const tools = join(folder, "tools");
  mkdirSync(tools);
  for (const tool of ["stat", "mkdir"]) symlinkSync(`/usr/bin/${tool}`, join(tools, tool));
  execFileSync("/usr/bin/dash", [SCRIPT, units, "early", "late"], {
    env: { PATH: tools, OS_JSON: join(mounted, "os.json") },
  });
  const [marks, slices] = [join(units, "kiosk.allow"), join(units, "user-.slice.d")];
  return {
    marks: existsSync(marks) ? readdirSync(marks).sort() : [],
    slices: existsSync(slices)
      ? Object.fromEntries(
          readdirSync(slices).map((name) => [name, readFileSync(join(slices, name), "utf8")]),
        )
      : {},
  };
}

/** What the files for `allow` are called. */
function marksOf(allow: readonly Allowance[]): string[] {
  return [...new Set(allow.map((word) => (word === "sysex" ? "midi" : word)))].sort();
}

const readable = [...STICKS, ...SEVERAL].filter(({ expected }) => /^PIECES? /.test(expected));

test.each(readable)("root allows what the session does: $title", (stick) => {
  const { allow = [] } = stick;
  const { marks, slices } = decide(stick);
  expect(marks).toEqual(marksOf(allow));
  expect(slices).toEqual({
    ...(allow.includes("camera") && { "piece-camera.conf": "[Slice]\nDeviceAllow=char-81\n" }),
    ...(allow.includes("network") && {
      "piece-network.conf": "[Slice]\nIPAddressAllow=\nIPAddressDeny=\n",
    }),
  });
});

test.each(STICKS.filter(({ expected }) => /os-json-missing/.test(expected)))(
  "and nothing: $title",
  (stick) => {
    expect(decide(stick)).toEqual({ marks: [], slices: {} });
  },
);

test("what it makes comes after what it changes, since drop-ins are read in the order of their names", () => {
  const own = readdirSync(join(ROOT, "usr/lib/systemd/system/user-.slice.d"));
  for (const made of ["piece-camera.conf", "piece-network.conf"]) {
    expect([...own, made].sort().at(-1)).toBe(made);
  }
});

test("without it there is no camera, no other computer, and nothing that joins networks", () => {
  const slice = readFileSync(join(ROOT, "usr/lib/systemd/system/user-.slice.d/kiosk.conf"), "utf8");
  expect(slice).toMatch(/^IPAddressDeny=any$/m);
  expect(slice.match(/^IPAddressAllow=.*$/gm)).toEqual(["IPAddressAllow=localhost"]);
  expect(slice).not.toMatch(/^DeviceAllow=char-81$/m);
  const session = readFileSync(join(ROOT, "usr/lib/systemd/system/kiosk.service"), "utf8");
  expect(session).toContain("[ -e /run/systemd/generator/kiosk.allow/midi ] || rm -f /dev/snd/seq");
  for (const unit of ["systemd-networkd", "systemd-resolved", "systemd-timesyncd", "iwd"]) {
    const dropIn = readFileSync(join(ROOT, `usr/lib/systemd/system/${unit}.service.d/kiosk.conf`), "utf8");
    expect(dropIn).toMatch(/^ConditionPathExists=\/run\/systemd\/generator\/kiosk.allow\/network$/m);
  }
});

test("what records and may not be used is not there, since PipeWire plays on no card that it can open only a part of", () => {
  const rules = readFileSync(join(ROOT, "usr/lib/udev/rules.d/72-kiosk.rules"), "utf8");
  const rule = /^.*KERNEL=="pcmC\*D\*c".*$/m.exec(rules)?.[0];
  expect(rule).toContain('TEST!="/run/systemd/generator/kiosk.allow/microphone"');
  expect(rule).toMatch(/RUN\+="\/usr\/bin\/rm -f %N"$/);
});

test("the session reaches each serial console that is its own by the rules for devices", () => {
  const rootfs = (path: string) => readFileSync(join(ROOT, "usr/lib", path), "utf8");
  const [, names = ""] =
    /KERNEL=="(ttyS[^"]*)", ATTR\{console\}=="Y", GROUP="piece"/.exec(
      rootfs("udev/rules.d/90-kiosk.rules"),
    ) ?? [];
  const majors = names.split("|").map((name) => (name.startsWith("ttyAMA") ? 204 : 4)); // admin-guide/devices.txt
  expect(new Set(majors)).toEqual(new Set([4, 204]));
  for (const major of majors) {
    expect(rootfs("systemd/system/user-.slice.d/kiosk.conf")).toMatch(
      new RegExp(`^DeviceAllow=char-${major}$`, "m"),
    );
  }
});
