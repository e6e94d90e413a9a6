import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "../../src/testing/tools.ts";

// Functions of the initramfs' init, on files in the place of disks. All of it runs in base/qemu.

const init = readFileSync(join(import.meta.dirname, "initramfs/init"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "initramfs-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("an image that was cut off on its way is not whole", () => {
  const image = join(folder, "whole");
  writeFileSync(image, new Uint8Array(8 * 1024 * 1024));
  run("sgdisk", "--clear", image);
  const text = /^whole\(\) \{\n[^]*?\n\}\n/m.exec(init)![0];
  const isWhole = (file: string) => spawnSync("sh", ["-c", `${text}whole "$1"`, "sh", file]).status === 0;
  expect(isWhole(image)).toBe(true);
  run("truncate", "--size=+1M", image); // what follows an image is no part of it
  expect(isWhole(image)).toBe(true);
  run("truncate", `--size=${8 * 1024 * 1024 - 1}`, image);
  expect(isWhole(image)).toBe(false);
  for (const size of [8 * 1024 * 1024 - 512, 4 * 1024 * 1024, 600, 512, 100, 0]) {
    run("truncate", `--size=${size}`, image);
    expect(isWhole(image), `${size}`).toBe(false);
    run("truncate", `--size=${8 * 1024 * 1024}`, image); // as the kernel leaves a file that did not fit
    expect(isWhole(image), `${size}, then zeros`).toBe(false);
  }
});

/** What a function of init's says of `disk`, a file in `folder`. */
function call(name: string, ...words: readonly string[]): string {
  const needed = ["ask", name].map(
    (each) => new RegExp(`^${each}\\(\\) \\{\n[^]*?\n\\}\n`, "m").exec(init)![0],
  );
  const text = needed.join("").replaceAll("/dev/$", `${folder}/$`).replaceAll("/run/", `${folder}/`);
  const { stdout, signal } = spawnSync("sh", ["-c", `${text}${name} "$@"`, "sh", ...words], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(signal).toBeNull();
  return stdout.trim();
}

test("a file system is known by its UUID, and FAT by its serial number", () => {
  const file = join(folder, "ext4");
  writeFileSync(file, new Uint8Array(4 * 1024 * 1024));
  const uuid = "01234567-89ab-cdef-0123-456789abcdef";
  run("mke2fs", "-q", "-t", "ext4", "-U", uuid, file);
  expect(call("ext4", "ext4")).toBe(uuid);
  expect(call("fat", "ext4")).toBe("");
  const fat = join(folder, "fat");
  writeFileSync(fat, new Uint8Array(4 * 1024 * 1024));
  run("mkfs.vfat", "-i", "1234ABCD", fat);
  expect(call("fat", "fat")).toBe("1234-ABCD");
  expect(call("ext4", "fat")).toBe("");
});

test.each([["ext4"], ["fat"], ["guid", "2"]])(
  "a disk that does not answer %s holds up nobody",
  { timeout: 30_000 },
  (name, ...words) => {
    const disk = join(folder, `hangs-${name}`);
    run("mkfifo", disk); // with nobody who writes to it
    expect(call(name, `hangs-${name}`, ...words)).toBe("");
  },
);

const UUID = "01234567-89ab-cdef-0123-456789abcdef";
const SAYS = `echo ${UUID}`;
type Case = [
  what: string,
  partitions: string[],
  answer: string,
  piece: string,
  found?: string | undefined,
  more?: string,
];
test.each<Case>([
  ["another UUID", ["2", "3"], SAYS, "0ddba11a-0000-8000-8000-000000000000"],
  ["the UUID", ["2", "3"], SAYS, UUID, UUID],
  ["auto", ["2", "3"], SAYS, "auto", UUID],
  ["auto, where there is no file system", ["2", "3"], ":", "auto", ""],
  ["auto, where there is no third partition", ["2"], "false", "auto", ""],
  ["auto, while the third partition does not answer", ["2", "3"], "false", "auto"],
  ["auto, and it never does", ["2", "3"], "false", "auto", "unreadable", "late=1"], // which mounting it then says
  ["auto, late, where it answers", ["2", "3"], SAYS, "auto", UUID, "late=1"],
  ["the UUID, late, while that partition does not answer", ["2", "3"], "false", UUID, undefined, "late=1"],
  ["none", ["2", "3"], SAYS, "", ""],
  ["none, for no FEDAC-LIVE at all", ["2", "3"], SAYS, "", undefined, "live="],
])(
  "the disk with the right FEDAC-LIVE is taken for piece=%s",
  (what, partitions, answer, piece, found, more = ":") => {
    const sys = join(folder, "sys", what);
    const disk = join(sys, "block/sda");
    for (const number of partitions) {
      run("mkdir", "-p", join(disk, `sda${number}`));
      writeFileSync(join(disk, `sda${number}/partition`), number);
    }
    const functions = ["partition", "find_disk"].map(
      (name) => new RegExp(`^${name}\\(\\) \\{\n[^]*?\n\\}\n`, "m").exec(init)![0],
    );
    const text = functions.join("").replace("/sys/block/*", '"$sys"/block/*').replaceAll("/sys/", "$sys/");
    const known = `guid() { echo "$live"; }\next4() { ${answer}; }\n`; // a table that cannot be read has no GUID
    const script = `sys=$2 live=live late= piece=$1\n${more}\n${known}${text}find_disk && echo "$piece"`;
    const { stdout, stderr, status } = spawnSync("sh", ["-c", script, "sh", piece, sys], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect([status, stdout]).toEqual(found === undefined ? [1, ""] : [0, `${found}\n`]);
  },
);

test(
  "what is there is the disk behind a loop device, as long as something is in it",
  { timeout: 30_000 },
  () => {
    const keep = readFileSync(join(import.meta.dirname, "damage/keep.sh"), "utf8");
    const text = ["behind", "there"]
      .map((name) => new RegExp(`^${name}\\(\\) \\{\n[^]*?\n\\}\n`, "m").exec(keep)![0])
      .join("")
      .replaceAll("/sys/", `${folder}/behind/`)
      .replaceAll("/dev/$", `${folder}/$`);
    const shell = (line: string) => {
      const { status, stdout } = spawnSync("sh", ["-c", `${text}${line}`], {
        encoding: "utf8",
        timeout: 20_000,
      });
      return [status, stdout.trim()];
    };
    const block = join(folder, "behind/block");
    for (const disk of ["sda", "loop0/loop", "loop1/loop", "loop2/loop", "sr0", "mute"])
      run("mkdir", "-p", join(block, disk));
    for (const [loop, file] of [
      ["loop0", "/dev/sr0"],
      ["loop1", "/dev/sr1 (deleted)"], // the kernel's word for one that is gone
      ["loop2", "/image.iso"],
    ] as const)
      writeFileSync(join(block, loop, "loop/backing_file"), `${file}\n`);
    const behind = (disk: string) => shell(`behind ${disk}`)[1];
    expect(["sda", "loop0", "loop1", "loop2"].map(behind)).toEqual(["sda", "sr0", "sr1", "loop2"]);
    writeFileSync(join(folder, "sda"), new Uint8Array(512));
    run("mkfifo", join(folder, "mute"));
    const isThere = (disk: string) => shell(`there ${disk}`)[0] === 0;
    expect(isThere("sda")).toBe(true);
    expect(isThere("mute")).toBe(true); // it tries to read what it has lost
    expect(isThere("sr0")).toBe(false); // a drive with nothing in it
    writeFileSync(join(folder, "sr1"), new Uint8Array(512));
    expect(isThere("sr1")).toBe(false);
  },
);

test("a partition that does not answer is told from one that has no ext4", { timeout: 30_000 }, () => {
  const text = ["ask", "ext4"]
    .map((name) => new RegExp(`^${name}\\(\\) \\{\n[^]*?\n\\}\n`, "m").exec(init)![0])
    .join("")
    .replaceAll("/dev/$", `${folder}/$`);
  const status = (disk: string) => spawnSync("sh", ["-c", `${text}ext4 "$1"`, "sh", disk]).status;
  writeFileSync(join(folder, "zeros"), new Uint8Array(4096));
  run("mkfifo", join(folder, "silent")); // with nobody who writes to it
  expect(status("zeros")).toBe(0);
  expect(status("silent")).not.toBe(0);
});

test("a disk whose root is lost is let go, and looked for anew", () => {
  const begin = init.indexOf("asked=$piece\n");
  const end = init.indexOf("if [ -d /sys/firmware/efi ]; then umount", begin);
  const keep = join(folder, "keep.sh");
  writeFileSync(keep, "behind() { echo sr0; }\n");
  const loop = init.slice(begin, end).replaceAll("/run/fedac/damage/keep.sh", keep);
  const stubs = `
    stick= mounting= limit=0 piece=auto round=0
    drivers() { :; }
    sleep() { :; }
    discs() { echo discs; }
    let_go() { echo "let go $1"; }
    lost() { echo "lost $1"; }
    show() { echo "page: $1"; }
    say() { echo "$1"; }
    find_disk() { round=$((round + 1)); echo "find $piece"; case $round in 1 | 3 | 6 | 9) disk=loop0 piece=found ;; *) false ;; esac; }
    mount_live() { [ $round = 9 ]; }
    find=find_disk
  `;
  const { stdout, status } = spawnSync("sh", ["-c", `${stubs}${loop}\necho "started $piece"`], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(status).toBe(0);
  const GONE = "page: The stick is gone";
  const SAID = "NOPIECE no-disk the disk that this computer was started from does not answer";
  expect(stdout.trim()).toBe(
    [
      "find auto, let go sr0, lost sr0",
      "find auto, discs", // and no page says that it is gone, while it is only looked at anew
      "find auto, let go sr0, lost sr0",
      "find auto, discs",
      `find auto, discs, ${GONE}, ${SAID}`,
      "find auto, let go sr0, lost sr0",
      "find auto, discs",
      `find auto, discs, ${GONE}, ${SAID}`, // which it says again
      "find auto, started found",
    ]
      .join(", ")
      .replaceAll(", ", "\n"),
  );
});
