import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
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
import { blankFiles } from "../../src/image/blank-files.ts";
import {
  formatSettings,
  parseSettings,
  type SealedSettings,
  SETTINGS_LIMIT,
} from "../../src/settings/settings.ts";
import { check, imageOf, MIB, mountTest, options } from "../../src/ext4/testing.ts";
import { pattern } from "../../src/testing/bytes.ts";
import { run } from "../../src/testing/tools.ts";

// The program that writes on the stick as root, run as it is, on a file system that is mounted as it is; with the
// session's user at work beside it, and with no other programs than the kiosk has. base/qemu/powercut.test.ts runs it on FAT, and
// cuts the power.

const KEEP_LOG = join(import.meta.dirname, "rootfs/usr/lib/fedac/keep-log");
const OVERWRITE = join(import.meta.dirname, "rootfs/usr/lib/fedac/overwrite");
const NOBODY = 65_534;
/** What the scripts find there beside journalctl: of packages/kiosk.txt, those that have small programs. */
const PROGRAMS = run("dpkg", "-L", "coreutils", "mount", "e2fsprogs")
  .split("\n")
  .filter((path) => /\/s?bin\/[^/]+$/.test(path));
const LOG_SIZE = 262_144;
const html = pattern(100_000);
const piece: Entry[] = [
  { path: "piece.html", content: html },
  { path: "os.json", content: pattern(300) },
];
const files: Entry[] = [...piece, ...blankFiles([])];
/** Settings of several sectors. */
const LONG: SealedSettings = {
  random: "00112233445566778899aabbccddeeff",
  wifi: Array.from({ length: 8 }, (_, i) => ({
    ssid: `network ${i}`,
    security: "wpa3",
    passphrase: "correct horse ".repeat(4),
    hidden: false,
  })),
};
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

mountTest(
  "keeps the journal, and that of the boot before, and changes nothing else of the disk",
  async () => {
    const image = await imageOf(files, options(20 * MIB));
    const before = readFileSync(image);
    await inserted(image, (at) => {
      keepLog(at);
      expect(readLog(at)).toBe("one line\n");
      journal("seq 1 100000");
      keepLog(at);
      const log = readFileSync(join(at, "kiosk.log"), "latin1");
      expect([log.length, log.slice(-7)]).toEqual([LOG_SIZE, "100000\n"]);
      expect(readLog(at, "kiosk.log.1")).toBe("");

      rmSync(join(folder, "run"), { recursive: true }); // the next boot
      journal("echo another boot");
      keepLog(at);
      expect(readLog(at)).toBe("another boot\n");
      expect(readFileSync(join(at, "kiosk.log.1"), "latin1")).toBe(log);
      expect(statSync(join(at, "kiosk.log")).mode & 0o7777).toBe(0o644);
    });
    check(image);
    const after = readFileSync(image);
    for (const name of ["kiosk.log", "kiosk.log.1"]) {
      for (const block of run("debugfs", "-R", `blocks ${name}`, image).trim().split(/\s+/))
        after.copy(before, Number(block) * 1024, Number(block) * 1024, (Number(block) + 1) * 1024);
    }
    expect(after.equals(before)).toBe(true);
  },
);

const settings = (volume: number) => formatSettings({ ...LONG, volume });

mountTest(
  "stores the settings that wait for it in the half that does not count, and then lets it",
  async () => {
    const image = await imageOf(files, options(20 * MIB));
    const before = readFileSync(image);
    await inserted(image, (at) => {
      const file = join(at, "settings.json");
      const waiting = join(folder, "waiting.json");
      for (const volume of [5, 6, 7]) {
        writeFileSync(waiting, settings(volume));
        keepLog(at);
        const text = readFileSync(file, "utf8");
        expect([text.length, text.trim(), text.search(/\S/) > 0]).toEqual([
          SETTINGS_LIMIT,
          settings(volume).trim(),
          volume === 6,
        ]);
        expect(parseSettings(text)).toMatchObject({ settings: { volume }, complaints: [] });
        expect([statSync(file).mode & 0o7777, readdirSync(folder).includes("waiting.json")]).toEqual([
          0o600,
          false,
        ]);
      }
      keepLog(at); // nothing waits
      writeFileSync(waiting, ""); // nor does what had no room
      keepLog(at);
      expect(readFileSync(file, "utf8").trim()).toBe(settings(7).trim());
      expect(readLog(at)).toBe("one line\n");
    });
    check(image);
    const after = readFileSync(image);
    for (const { path } of blankFiles([])) {
      for (const block of run("debugfs", "-R", `blocks ${path}`, image).trim().split(/\s+/))
        after.copy(before, Number(block) * 1024, Number(block) * 1024, (Number(block) + 1) * 1024);
    }
    expect(after.equals(before)).toBe(true); // passphrases are nowhere else
  },
);

mountTest("between any two of its steps the settings are the old ones or the new ones", async () => {
  const image = await imageOf(files, options(20 * MIB));
  await inserted(image, (at) => {
    const waiting = join(folder, "waiting.json");
    // In the place of overwrite: the script beside keep-log that ends the machine before step $STEP
    const scripts = join(folder, "scripts");
    mkdirSync(scripts);
    symlinkSync(KEEP_LOG, join(scripts, "keep-log"));
    const steps = `${folder}/steps`;
    writeFileSync(
      join(scripts, "overwrite"),
      `#!/bin/sh\necho >> ${steps}\n[ "$(wc -l < ${steps})" -lt "$STEP" ] || exit 9\nexec ${OVERWRITE} "$@"\n`,
      { mode: 0o755 },
    );
    const read = () => parseSettings(readFileSync(join(at, "settings.json"), "utf8"));
    let volume = 0;
    for (const half of ["first", "second"]) {
      for (const step of [1, 2, 3, 4]) {
        writeFileSync(steps, "");
        writeFileSync(waiting, settings(++volume));
        script(join(scripts, "keep-log"), at, { env: { STEP: String(step) } });
        const { settings: found, complaints } = read();
        // The second step lets them count; before the first ones there were none
        const old = volume === 1 ? undefined : volume - 1;
        expect([half, step, found.volume, complaints]).toEqual([half, step, step > 2 ? volume : old, []]);
        keepLog(at);
        expect(read().settings.volume).toBe(volume);
      }
    }
  });
  check(image);
});

mountTest.each([
  ["as they are made", files],
  ["open to everybody", open],
])("a user who tries all the while changes nothing on sticks %s", async (_, entries) => {
  const image = await imageOf(entries, options(20 * MIB));
  await inserted(image, async (at) => {
    writeFileSync(join(folder, "won"), "");
    chmodSync(join(folder, "won"), 0o666);
    const attempts = [
      `ln -s /etc/passwd ${at}/mine`,
      `(echo mine > ${at}/kiosk.log)`,
      `mv ${at}/piece.html ${at}/kiosk.log.1`,
      `(echo mine > ${at}/piece.html)`,
      `chmod 777 ${at}`,
    ];
    const each = attempts.map((attempt) => `${attempt} && echo "${attempt}" >> ${folder}/won`).join("\n");
    const user = { uid: NOBODY, gid: NOBODY, stdio: "ignore" } as const;
    const racer = spawn("sh", ["-c", `while :; do\n${each}\ndone`], user);
    try {
      // In the middle of it the user has its turn for certain
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
    expect(readFileSync(join(at, "piece.html")).equals(html)).toBe(true);
    expect(readLog(at)).toBe("log\n");
  });
  check(image);
});

mountTest.each([
  ["kiosk.log", 1, "kiosk.log.1", ""],
  ["kiosk.log.1", 0, "kiosk.log", "one line\n"],
])("a link that lies there already as %s is not followed", async (path, expected, other, text) => {
  const target = join(folder, "ld.so.preload");
  writeFileSync(target, "as it was\n");
  const image = await imageOf(
    [...piece, { kind: "symlink", path, target }, ...blankFiles([{ path }])],
    options(20 * MIB),
  );
  await inserted(image, (at) => {
    expect(script(KEEP_LOG, at)).toEqual([expected, `overwrite: ${at}/${path} is no ordinary file\n`]);
    expect(readFileSync(target, "utf8")).toBe("as it was\n");
    expect(readLog(at, other)).toBe(text);
  });
});

mountTest("without the log of the boot before the log is kept", async () => {
  const image = await imageOf([...piece, ...blankFiles([{ path: "kiosk.log.1" }])], options(20 * MIB));
  await inserted(image, (at) => {
    const complaint = `stat: cannot statx '${at}/kiosk.log.1': No such file or directory\n`;
    expect(script(KEEP_LOG, at)).toEqual([0, complaint]);
    expect(readLog(at)).toBe("one line\n");
  });
});

mountTest("of a log that is longer than its place as the one before, the end is kept", async () => {
  const logs = [
    { path: "kiosk.log", content: new TextEncoder().encode("x\n".repeat(1024)) },
    { path: "kiosk.log.1", content: pattern(1024) },
  ];
  const image = await imageOf([...piece, ...logs], options(20 * MIB));
  await inserted(image, (at) => {
    keepLog(at);
    expect(readFileSync(join(at, "kiosk.log"), "utf8").trimEnd()).toBe("one line");
    expect(readFileSync(join(at, "kiosk.log.1"), "utf8")).toBe("x\n".repeat(512));
  });
});

mountTest.each([
  ["a link leads to", (secret: string) => `symlink kiosk.log ${secret}`],
  ["comes out of a pipe", () => "mknod kiosk.log p"],
])("what %s is not kept as the log of the boot before", { timeout: 20_000 }, async (_, make) => {
  const secret = join(folder, "secret");
  writeFileSync(secret, "only root may read this\n", { mode: 0o600 });
  const image = await imageOf([...piece, { path: "kiosk.log.1", content: pattern(1024) }], options(20 * MIB));
  run("debugfs", "-w", "-R", make(secret), image);
  await inserted(image, (at) => {
    expect(script(KEEP_LOG, at)).toEqual([1, `overwrite: ${at}/kiosk.log is no ordinary file\n`]);
    expect(readFileSync(join(at, "kiosk.log.1")).equals(pattern(1024))).toBe(true);
  });
});

mountTest("a log that is a second name of the piece is left alone", async () => {
  const image = await imageOf(
    [
      ...piece,
      { kind: "link", path: "kiosk.log", target: "piece.html" },
      ...blankFiles([{ path: "kiosk.log" }]),
    ],
    options(20 * MIB),
  );
  await inserted(image, (at) => {
    expect(script(KEEP_LOG, at)).toEqual([1, `overwrite: ${at}/kiosk.log is no ordinary file\n`]);
    expect(readFileSync(join(at, "piece.html")).equals(html)).toBe(true);
  });
});

mountTest("on a stick without logs none are made", async () => {
  const image = await imageOf(piece, options(20 * MIB));
  const before = readFileSync(image);
  await inserted(image, (at) => keepLog(at));
  expect(readFileSync(image).equals(before)).toBe(true);
});

mountTest("logs of another size, as older kiosks have made them, are filled as far as they go", async () => {
  const logs = [
    { path: "kiosk.log", content: pattern(1300) },
    { path: "kiosk.log.1", content: pattern(2048) },
  ];
  const image = await imageOf([...piece, ...logs], options(20 * MIB));
  journal("seq 1 100000");
  await inserted(image, (at) => {
    keepLog(at);
    const log = readFileSync(join(at, "kiosk.log"));
    expect([log.length, log.subarray(0, 1024).toString().slice(-7)]).toEqual([1300, "100000\n"]);
    expect(log.subarray(1024).equals(pattern(1300).subarray(1024))).toBe(true);
  });
  check(image);
});

mountTest("what is too long, or has no place of its own, is refused, and nothing is written", async () => {
  const holes = {
    length: 8192,
    data: [{ start: 4096, length: 1024 }],
    async *open() {
      yield new Uint8Array(8192);
    },
  };
  const entries = [...piece, { path: "small", content: pattern(1024) }, { path: "holes", content: holes }];
  const image = await imageOf(entries, options(20 * MIB));
  const before = readFileSync(image);
  await inserted(image, (at) => {
    const small = join(at, "small");
    expect(script(OVERWRITE, at, { input: "x".repeat(1025), args: [small] })).toEqual([
      1,
      `overwrite: ${small} has room for 1024 bytes, and there are more\n`,
    ]);
    expect(script(OVERWRITE, at, { input: "x", args: [join(at, "holes")] })).toEqual([
      1,
      `overwrite: ${at}/holes has holes\n`,
    ]);
    expect(readFileSync(image).equals(before)).toBe(true);
    expect(script(OVERWRITE, at, { input: "x".repeat(1024), args: [small] })).toEqual([0, ""]);
    expect(readFileSync(small, "utf8")).toBe("x".repeat(1024));
    expect(script(OVERWRITE, at, { input: "y", args: [small, "1", "2"] })).toEqual([
      1,
      `overwrite: ${small} has only 2 sectors\n`,
    ]);
    expect(script(OVERWRITE, at, { input: "y", args: [small, "1", "1"] })).toEqual([0, ""]);
    expect(readFileSync(small, "utf8").trimEnd()).toBe(`${"x".repeat(512)}y`);
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
  const text = ["#!/bin/sh", `PATH='${process.env["PATH"]}'`, ...lines, ""].join("\n");
  writeFileSync(join(folder, "bin/journalctl"), text, { mode: 0o755 });
}

function keepLog(at: string): void {
  expect(script(KEEP_LOG, at)).toEqual([0, ""]);
}

/** The exit status of one of the scripts, and what it complains of. */
function script(
  file: string,
  at: string,
  {
    input = "",
    args = [],
    env = {},
  }: { input?: string; args?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): [number | null, string] {
  const ours = { PATH: join(folder, "bin"), PIECE: at, OURS: join(folder, "run") };
  const all = { ...ours, SETTINGS: join(folder, "waiting.json"), ...env };
  const { status, stderr } = spawnSync(file, args, { env: all, input, encoding: "utf8", timeout: 60_000 });
  return [status, stderr];
}

/** A log without the blank lines at its end. */
function readLog(at: string, name = "kiosk.log"): string {
  const log = readFileSync(join(at, name), "utf8");
  expect(log.length).toBe(LOG_SIZE);
  return log.replace(/\s+$/, "\n").replace(/^\n$/, "");
}
