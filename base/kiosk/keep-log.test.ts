import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import type { Entry } from "../../src/ext4/filesystem.ts";
import { check, imageOf, MIB, mountTest, options } from "../../src/ext4/testing.ts";
import { pattern } from "../../src/testing/bytes.ts";
import { run } from "../../src/testing/tools.ts";

// The program that writes on the stick as root, run as it is, on a file system that is mounted as it is; with the
// session's user at work beside it, and with no other programs than the kiosk has.

const KEEP_LOG = join(import.meta.dirname, "rootfs/usr/lib/fedac/keep-log");
const NOBODY = 65_534;
/** What the script finds there beside journalctl: of packages/kiosk.txt, those that have small programs. */
const PROGRAMS = run("dpkg", "-L", "coreutils", "mount")
  .split("\n")
  .filter((path) => /\/s?bin\/[^/]+$/.test(path));
const html = pattern(100_000);
const files: Entry[] = [
  { path: "piece.html", content: html },
  { path: "os.json", content: pattern(300) },
];
/** As sticks were made until 2026-11: anybody may make, rename and remove names. */
const open: Entry[] = [{ kind: "directory", path: "/", mode: 0o777 }, ...files];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keep-log-"));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "bin"));
  for (const program of PROGRAMS) symlinkSync(program, join(folder, "bin", basename(program)));
  journal("echo one line");
});
afterEach(() => rmSync(folder, { recursive: true }));

mountTest("keeps the journal, and that of the boot before", async () => {
  const image = await imageOf(files, options(20 * MIB));
  await inserted(image, (at) => {
    keepLog(at);
    expect(readFileSync(join(at, "kiosk.log"), "utf8")).toBe("one line\n");
    journal("seq 1 100000");
    keepLog(at);
    const log = readFileSync(join(at, "kiosk.log"), "utf8");
    expect([log.length, log.slice(-7)]).toEqual([262_144, "100000\n"]);
    expect(existsSync(join(at, "kiosk.log.1"))).toBe(false);

    rmSync(join(folder, "run"), { recursive: true }); // the next boot
    journal("echo another boot");
    keepLog(at);
    expect(readFileSync(join(at, "kiosk.log"), "utf8")).toBe("another boot\n");
    expect(readFileSync(join(at, "kiosk.log.1"), "utf8")).toBe(log);
    expect(statSync(join(at, "kiosk.log")).mode & 0o7777).toBe(0o644);
    expect(existsSync(join(at, "kiosk.log.new"))).toBe(false);
  });
  check(image, 4_000_000_000);
});

mountTest("stores the settings that wait for it, for root alone, whatever lies there", async () => {
  const target = join(folder, "ld.so.preload");
  writeFileSync(target, "as it was\n");
  const link = { kind: "symlink", path: "settings.json.new", target } as const;
  const image = await imageOf([...files, link], options(20 * MIB));
  await inserted(image, (at) => {
    const waiting = join(folder, "waiting.json");
    for (const text of ["{}\n", '{"volume": 5}\n']) {
      writeFileSync(waiting, text);
      keepLog(at);
      expect(readFileSync(join(at, "settings.json"), "utf8")).toBe(text);
      expect(statSync(join(at, "settings.json")).mode & 0o7777).toBe(0o600);
      expect([existsSync(waiting), existsSync(join(at, "settings.json.new"))]).toEqual([false, false]);
    }
    keepLog(at); // nothing waits
    expect(readFileSync(join(at, "settings.json"), "utf8")).toBe('{"volume": 5}\n');
    expect(readFileSync(target, "utf8")).toBe("as it was\n");
    expect(readFileSync(join(at, "kiosk.log"), "utf8")).toBe("one line\n");
  });
  check(image, 4_000_000_000);
});

mountTest.each([
  ["as they are made", files],
  ["open to everybody", open],
])("a user who tries all the while changes nothing on sticks %s", async (_, entries) => {
  const image = await imageOf(entries, options(20 * MIB));
  await inserted(image, async (at) => {
    const target = join(folder, "ld.so.preload");
    writeFileSync(target, "as it was\n");
    writeFileSync(join(folder, "won"), "");
    chmodSync(join(folder, "won"), 0o666);
    const attempts = [
      `ln -s ${target} ${at}/kiosk.log.new`,
      `ln -sfn ${target} ${at}/kiosk.log`,
      `mv ${at}/piece.html ${at}/kiosk.log.1`,
      `(echo mine > ${at}/piece.html)`,
      `chmod 777 ${at}`,
    ];
    const each = attempts.map((attempt) => `${attempt} && echo "${attempt}" >> ${folder}/won`).join("\n");
    const user = { uid: NOBODY, gid: NOBODY, stdio: "ignore" } as const;
    const racer = spawn("sh", ["-c", `while :; do\n${each}\ndone`], user);
    try {
      // In the middle of it, with the file system open for writing, the user has its turn for certain
      journal(
        `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups sh -c '${each}' 2> /dev/null`,
        "echo log",
      );
      for (let i = 0; i < 10; i++) keepLog(at);
    } finally {
      racer.kill();
      await once(racer, "exit");
    }
    expect(readFileSync(join(folder, "won"), "utf8").slice(0, 300)).toBe("");
    expect(readFileSync(target, "utf8")).toBe("as it was\n");
    expect(readFileSync(join(at, "piece.html")).equals(html)).toBe(true);
    expect(readFileSync(join(at, "kiosk.log"), "utf8")).toBe("log\n");
    expect([statSync(at).mode & 0o7777, statSync(at).uid]).toEqual([0o755, 0]);
  });
  check(image, 4_000_000_000);
});

mountTest("links that lie there already are not followed", async () => {
  const target = join(folder, "ld.so.preload");
  writeFileSync(target, "as it was\n");
  const links = ["kiosk.log", "kiosk.log.1", "kiosk.log.new"].map(
    (path) => ({ kind: "symlink", path, target }) as const,
  );
  const image = await imageOf([...files, ...links], options(20 * MIB));
  await inserted(image, (at) => {
    keepLog(at);
    expect(readFileSync(target, "utf8")).toBe("as it was\n");
    expect(lstatSync(join(at, "kiosk.log")).isFile()).toBe(true);
    expect(readFileSync(join(at, "kiosk.log"), "utf8")).toBe("one line\n");
  });
});

mountTest("nothing is written where nothing is mounted", () => {
  const at = join(folder, "piece");
  mkdirSync(at);
  keepLog(at);
  expect(readdirSync(at)).toEqual([]);
});

/** Mount the stick as the initramfs does, while `use` looks at it: it could be written to, and is not. */
async function inserted(image: string, use: (at: string) => void | Promise<void>): Promise<void> {
  const at = join(folder, "piece");
  mkdirSync(at);
  const device = run("losetup", "--find", "--show", image).trim();
  try {
    run("mount", "-t", "ext4", "-o", "ro,nodev,nosuid,noexec,errors=remount-ro", device, at);
    try {
      await use(at);
      const [flags] = run("findmnt", "-n", "-o", "OPTIONS", at).split("\n");
      expect(flags).toMatch(/^ro,nosuid,nodev,noexec,/);
      expect(run("findmnt", "-n", "-o", "TARGET", "-S", device).trim()).toBe(at); // and nowhere else any more
    } finally {
      run("umount", "--all-targets", device);
    }
  } finally {
    run("losetup", "--detach", device);
  }
}

/** What journalctl does: lines of a shell script, which has all of this machine's programs. */
function journal(...lines: readonly string[]): void {
  const script = ["#!/bin/sh", `PATH='${process.env["PATH"]}'`, ...lines, ""].join("\n");
  writeFileSync(join(folder, "bin/journalctl"), script, { mode: 0o755 });
}

function keepLog(at: string): void {
  const env = {
    PATH: join(folder, "bin"),
    PIECE: at,
    OURS: join(folder, "run"),
    SETTINGS: join(folder, "waiting.json"),
  };
  const { status, stderr } = spawnSync(KEEP_LOG, { env, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
}
