import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { mountTest } from "../src/ext4/testing.ts";
import { GPT_LENGTH } from "../src/image/gpt.ts";
import { pattern } from "../src/testing/bytes.ts";
import { osIn } from "../src/testing/os.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";
import { run } from "../src/testing/tools.ts";

const { manifest, image } = await testBase();
const { start, length } = manifest.piecePartition;
const root = mkdtempSync(path.join(tmpdir(), "os-put-"));
afterAll(() => rmSync(root, { recursive: true }));
writeFileSync(path.join(root, "manifest.json"), JSON.stringify(manifest));
writeFileSync(path.join(root, "base.img"), image);
for (const piece of ["frog", "cow"]) {
  writeFileSync(path.join(root, `${piece}.html`), `<!doctype html><script>"${piece}"</script>`);
}
const BASE = ["--manifest", "manifest.json"];
const whole = osIn(root).os("build", "frog", "--bundle", "frog.html", ...BASE, "--out", "frog.iso");
const alone = osIn(root).os("build", "cow", "--bundle", "cow.html", ...BASE, "--only-piece");
expect([whole.stderr, alone.stderr]).toEqual(["", ""]);
const frog = readFileSync(path.join(root, "frog.iso"));
const cow = readFileSync(path.join(root, "cow-piece.img"));
const frogWithCow = Buffer.concat([frog.subarray(0, start), cow, frog.subarray(start + length)]);

let folder = root;
let { os, command, start: startOs } = osIn(root);
beforeEach(() => {
  folder = mkdtempSync(path.join(root, "run-"));
  ({ os, command, start: startOs } = osIn(folder));
});
const at = (name: string) => path.join(folder, name);
const stick = () => readFileSync(at("stick.img"));
/** A disk of `size` bytes that begins as `bytes` does. */
function makeStick(bytes: Uint8Array, size = bytes.length): void {
  writeFileSync(at("stick.img"), bytes);
  truncateSync(at("stick.img"), size);
}
const READ_BACK = "All of it was read back, and is the same.\n";

describe("an image", () => {
  test.each([0, 512, 16_384, 10_000_384])("takes the place of what was on a disk %i bytes larger", (more) => {
    const before = pattern(frog.length + more, 5);
    makeStick(before);
    expect(os("put", "../frog.iso", "stick.img", "--yes")).toEqual({
      status: 0,
      stderr: "",
      stdout:
        `stick.img: image of ${frog.length} bytes, SHA-256 ${sha256Of(new Uint8Array(frog))}\n` + READ_BACK,
    });
    const after = stick();
    expect(after.subarray(0, frog.length).equals(frog)).toBe(true);
    // At the end of a disk lies the backup of another table
    const erased = Math.min(more, GPT_LENGTH);
    expect(after.subarray(after.length - erased).every((byte) => byte === 0)).toBe(true);
    const kept = after.subarray(frog.length, after.length - erased);
    expect(kept.equals(before.subarray(frog.length, after.length - erased))).toBe(true);
  });

  test("is not written where it does not fit, and not over anything unless that may be", () => {
    run("truncate", "--size=40M", at("stick.img"));
    run("sgdisk", "--new=1:0:0", "--change-name=1:HOLIDAYS", at("stick.img"));
    const before = stick();
    const asked = os("put", "../frog.iso", "stick.img");
    expect(asked).toMatchObject({ status: 1, stdout: "" });
    expect(asked.stderr).toBe(
      "os: Everything on stick.img (41943040 bytes) will be lost. On it: the partitions HOLIDAYS. Say --yes if it may\n",
    );
    expect(stick().equals(before)).toBe(true);
    const small = pattern(frog.length - 512);
    makeStick(small);
    const { status, stderr } = os("put", "../frog.iso", "stick.img", "--yes");
    expect(status).toBe(1);
    expect(stderr).toBe(
      `os: stick.img is too small: it has ${frog.length - 512} bytes, and the image has ${frog.length}\n`,
    );
    expect(stick().equals(small)).toBe(true);
  });

  test.each([
    ["yes\n", 0],
    ["y\n", 1],
    ["\n", 1],
    ["\x04", 1], // Ctrl-D
  ])("at a terminal it asks: %j", (answer, status) => {
    const before = pattern(frog.length);
    makeStick(before);
    const words = [...command, "put", "../frog.iso", "stick.img"].map((word) => `'${word}'`).join(" ");
    const ran = spawnSync("script", ["-qec", words, "/dev/null"], {
      cwd: folder,
      input: answer,
      encoding: "utf8",
    });
    expect(ran.stdout).toContain("On it: something without a partition table. Type yes to go on: ");
    if (status !== 0) expect(ran.stdout).toContain("os: Nothing was written.");
    expect(ran.status).toBe(status);
    expect(stick().equals(status === 0 ? frog : before)).toBe(true);
  });

  test("Ctrl-C leaves nothing that starts, and says so", async () => {
    // 256 MiB of an image take a while on any disk; all of it but the tables are zeros.
    run("truncate", "--size=256M", at("large.iso"));
    run("sgdisk", "--new=1:0:0", "--change-name=1:FEDAC-PIECE", at("large.iso"));
    run("cp", at("large.iso"), at("stick.img"));
    const head = () => {
      const bytes = Buffer.alloc(GPT_LENGTH);
      const file = openSync(at("stick.img"), "r");
      readSync(file, bytes, 0, bytes.length, 0);
      closeSync(file);
      return bytes;
    };
    expect(head().includes("EFI PART")).toBe(true);
    const child = startOs("put", "large.iso", "stick.img", "--yes");
    await expect.poll(() => head().every((byte) => byte === 0), { timeout: 20_000, interval: 2 }).toBe(true);
    child.process.kill("SIGINT");
    expect(await child.ended).toEqual({
      status: 1,
      stdout: "",
      stderr:
        "os: The put was cancelled. stick.img does not start a computer now: put the image there again.\n",
    });
    expect(head().every((byte) => byte === 0)).toBe(true);
  });
});

describe("a piece", () => {
  test.each([0, 512, 10_000_384])(
    "goes into its partition, on a disk %i bytes larger, and nowhere else",
    (more) => {
      makeStick(frog, frog.length + more);
      expect(os("put", "../cow-piece.img", "stick.img")).toEqual({
        status: 0,
        stderr: "",
        stdout: `stick.img: piece of ${length} bytes, SHA-256 ${sha256Of(new Uint8Array(cow))}\n` + READ_BACK,
      });
      expect(stick().equals(Buffer.concat([frogWithCow, Buffer.alloc(more)]))).toBe(true);
      expect(os("inspect", "stick.img").stdout).toMatch(/^name\s+cow$/m);
    },
  );

  test("goes where a partition tool has moved the backup of the table", () => {
    makeStick(frog, frog.length + 2 ** 20);
    run("sgdisk", "--move-second-header", at("stick.img"));
    expect(os("put", "../cow-piece.img", "stick.img")).toMatchObject({ status: 0, stderr: "" });
    expect(
      stick()
        .subarray(start, start + length)
        .equals(cow),
    ).toBe(true);
    expect(run("sgdisk", "-v", at("stick.img"))).toMatch(/No problems found/);
  });

  test("goes into no image for other computers, and into one of another version", () => {
    writeFileSync(at("arm.json"), JSON.stringify({ ...manifest, arch: "aarch64" }));
    writeFileSync(at("later.json"), JSON.stringify({ ...manifest, version: "2026.1.2" }));
    const cowFor = (name: string, ...more: string[]) => {
      const args = ["--manifest", `${name}.json`, "--only-piece", "--out", `${name}-piece.img`, ...more];
      expect(os("build", "cow", "--bundle", "../cow.html", ...args)).toMatchObject({ status: 0 });
    };
    cowFor("arm", "--arch", "arm");
    cowFor("later");
    makeStick(frog);
    expect(os("put", "arm-piece.img", "stick.img")).toEqual({
      status: 1,
      stdout: "",
      stderr:
        "os: stick.img has an image for x86_64, and arm-piece.img was made for aarch64: make it with --arch pc\n",
    });
    expect(stick().equals(frog)).toBe(true);
    expect(os("put", "later-piece.img", "stick.img")).toMatchObject({ status: 0, stderr: "" });
    makeStick(image); // says nothing of its base
    expect(os("put", "arm-piece.img", "stick.img")).toMatchObject({ status: 0, stderr: "" });
    const refused = os("put", "../cow-piece.img", "stick.img");
    expect(refused.stderr).toMatch(/has an image for aarch64, and .* for x86_64: make it with --arch arm$/m);
  });

  test("goes nowhere else", () => {
    const partitioned = (...args: string[]) => {
      run("truncate", "--size=32M", at("stick.img"));
      run("sgdisk", "--zap-all", "--set-alignment=1", ...args, at("stick.img"));
    };
    const sectors = length / 512;
    const cases: [() => void, RegExp][] = [
      [() => makeStick(pattern(frog.length)), /^os: stick\.img: no partition table: a piece alone goes onto/],
      [
        () => partitioned(`--new=1:2048:${2047 + sectors}`, "--change-name=1:PIECE"),
        /has 0 partitions called/,
      ],
      [
        () => partitioned(`--new=1:2048:${2046 + sectors}`, "--change-name=1:FEDAC-PIECE"),
        /its piece partition has 8388096 bytes, and this one has 8388608/,
      ],
      [
        () =>
          partitioned(
            `--new=1:2048:${2047 + sectors}`,
            "--change-name=1:FEDAC-PIECE",
            `--new=2:${2048 + sectors}:${2047 + 2 * sectors}`,
            "--change-name=2:FEDAC-PIECE",
          ),
        /has 2 partitions called FEDAC-PIECE/,
      ],
      [
        () => makeStick(frog.subarray(0, frog.length - 1)),
        /is cut off: it has 26214399 of the 26214400 bytes/,
      ],
    ];
    for (const [make, message] of cases) {
      make();
      const before = stick();
      const { status, stdout, stderr } = os("put", "../cow-piece.img", "stick.img");
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(message);
      expect(stderr).toMatch(/^os: [^\n]+\n$/);
      expect(stick().equals(before)).toBe(true);
    }
  });
});

test("what is damaged, or is nothing of ours, is not put anywhere", () => {
  makeStick(frog);
  const wrong = (bytes: Uint8Array, byte: number) => {
    const copy = Buffer.from(bytes);
    copy[byte]! ^= 1;
    return copy;
  };
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /it is empty/],
    [pattern(length), /no ext4 file system/],
    [new Uint8Array(length), /neither an image nor a piece partition: it begins with zeros/],
    [wrong(cow, cow.indexOf("<!doctype html>") + 3), /piece\.html has not the SHA-256 in os\.json/],
    [cow.subarray(0, length - 512), /the file system is larger than its partition/],
    [frog.subarray(0, frog.length - 1), /it is cut off: it has 26214399 of the 26214400 bytes/],
    [wrong(frog, 512 + 0x40), /header does not match its checksum/],
    [wrong(frog, frog.length - 512 + 0x40), /backup partition table: header does not match/],
    [wrong(frog, frog.indexOf("<!doctype html>", start) + 3), /piece\.html has not the SHA-256/],
  ];
  for (const [bytes, message] of cases) {
    writeFileSync(at("file"), bytes);
    const { status, stdout, stderr } = os("put", "file", "stick.img", "--yes");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^os: file: [^\n]+\n$/);
    expect(stick().equals(frog)).toBe(true);
  }
});

test("not onto itself, not into what is no disk, and two things are named", () => {
  makeStick(frog);
  mkdirSync(at("folder"));
  run("ln", at("stick.img"), at("same.img"));
  const cases: [number, string[], RegExp][] = [
    [1, ["stick.img", "same.img", "--yes"], /stick\.img is same\.img itself/],
    [1, ["stick.img", "folder"], /folder is not a file: it is a folder/],
    [1, ["stick.img", "/dev/null"], /\/dev\/null is not a file: it is a device without an end/],
    [1, ["stick.img", "none.img"], /none\.img cannot be read: there is no such file/],
    [2, ["stick.img"], /put takes a file and the device/],
    [2, ["a", "b", "c"], /put takes a file and the device/],
  ];
  for (const [status, args, message] of cases) {
    const result = os("put", ...args);
    expect(result).toMatchObject({ status, stdout: "" });
    expect(result.stderr).toMatch(message);
  }
  expect(stick().equals(frog)).toBe(true);
});

/** `use` with the stick's image as a disk. */
function asDisk(use: (disk: string) => void, ...options: string[]): void {
  const disk = run("losetup", "--find", "--show", ...options, at("stick.img")).trim();
  try {
    use(disk);
  } finally {
    run("losetup", "--detach", disk);
  }
}

mountTest("a disk gets an image, and then a piece, read back from the disk itself", () => {
  makeStick(new Uint8Array(0), 32 * 2 ** 20);
  asDisk((disk) => {
    const refused = os("put", "../frog.iso", disk, "--yes");
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toMatch(/is not made to be pulled out, so it is hardly a stick; say --any-disk/);
    for (const file of ["../frog.iso", "../cow-piece.img"]) {
      const { status, stdout, stderr } = os("put", file, disk, "--yes", "--any-disk");
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain(
        "All of it was read back, from the device itself (O_DIRECT), and is the same.",
      );
    }
  });
  expect(stick().subarray(0, frog.length).equals(frogWithCow)).toBe(true);
});

mountTest("a disk in use is not written, nor one that is write-protected", () => {
  makeStick(new Uint8Array(0), 32 * 2 ** 20);
  run("mkfs.ext4", "-q", at("stick.img"));
  const PUT = ["put", "../frog.iso", "--yes", "--any-disk"];
  mkdirSync(at("a b"));
  asDisk((disk) => {
    run("mount", "-o", "ro", disk, at("a b"));
    try {
      const { status, stderr } = os(...PUT, disk);
      expect(status).toBe(1);
      expect(stderr).toBe(`os: ${disk} is in use: it is mounted on ${at("a b")}. Unmount it first\n`);
    } finally {
      run("umount", at("a b"));
    }
    // Mounted where this process does not see it: then the kernel says so.
    const words = [...command, ...PUT, disk].map((word) => `'${word}'`).join(" ");
    const elsewhere = spawnSync(
      "unshare",
      [
        "--mount",
        "sh",
        "-c",
        `mount -o ro ${disk} 'a b' && exec nsenter --mount=/proc/${process.pid}/ns/mnt -- sh -c "cd '${folder}' && ${words}" 8<'a b'`,
      ],
      { cwd: folder, encoding: "utf8" },
    );
    expect(elsewhere.stderr).toBe(`os: ${disk} cannot be written: something else is using it\n`);
  });
  asDisk((disk) => expect(os(...PUT, disk).stderr).toMatch(/is write-protected/), "--read-only");
  expect(run("e2fsck", "-fn", at("stick.img"))).toBeDefined();
});
