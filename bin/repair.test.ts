import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { mountTest } from "../src/ext4/testing.ts";
import { WINDOW } from "../src/release/manifest.ts";
import { pattern } from "../src/testing/bytes.ts";
import { osIn } from "../src/testing/os.ts";
import { files, serve } from "../src/testing/range-server.ts";
import { testKey } from "../src/testing/sign.ts";
import { digestOfWindow, testBase } from "../src/testing/test-base.ts";
import { run } from "../src/testing/tools.ts";

const { manifest, image } = await testBase();
const { start, length } = manifest.piecePartition;
const last = start + length;
const root = mkdtempSync(path.join(tmpdir(), "os-repair-"));
afterAll(() => rmSync(root, { recursive: true }));
process.env["XDG_STATE_HOME"] = path.join(root, "state");
writeFileSync(path.join(root, "manifest.json"), JSON.stringify(manifest));
writeFileSync(path.join(root, "base.img"), image);
writeFileSync(path.join(root, "page.html"), "<!doctype html><script>1</script>");
const MAKE = ["build", "frog", "--bundle", "page.html", "--manifest", "manifest.json", "--out", "good.iso"];
const made = osIn(root).os(...MAKE);
expect(made).toMatchObject({ status: 0, stderr: "" });
const good = readFileSync(path.join(root, "good.iso"));

const list = {
  releases: [
    {
      version: "2026.1.2",
      flavor: "test",
      arch: "x86_64",
      created: manifest.created,
      manifest: "new/manifest.json",
    },
    {
      version: "2026.1.1",
      flavor: "test",
      arch: "x86_64",
      created: manifest.created,
      manifest: "old/manifest.json",
    },
  ],
};
const served = () =>
  serve(files({ "/latest.json": list, "/old/manifest.json": manifest, "/old/base.img": image }));
const KEY = ["--key", testKey().publicKey];

let folder = root;
let { os, osAsync } = osIn(root);
beforeEach(() => {
  folder = mkdtempSync(path.join(root, "run-"));
  ({ os, osAsync } = osIn(folder));
});
const at = (name: string) => path.join(folder, name);

/** The good image with one wrong bit at each of these bytes, on a disk of `size` bytes. */
function damaged(bytes: number[], size = good.length): string {
  const wrong = Buffer.from(good);
  for (const byte of bytes) wrong[byte]! ^= 0x10;
  writeFileSync(at("stick.img"), wrong);
  truncateSync(at("stick.img"), size);
  return "stick.img";
}
const stick = () => readFileSync(at("stick.img"));
const BASE = ["--manifest", "../manifest.json"];

test("what is wrong is fetched from the release that the image names, and nothing else", async () => {
  damaged([3 * WINDOW + 7, 2 * WINDOW + 9]);
  await using server = await served();
  const args = ["stick.img", "--manifest", `${server.url}/latest.json`, ...KEY];
  const looked = await osAsync("repair", "--check", ...args);
  expect(looked).toMatchObject({ status: 1, stdout: "stick.img: test-os test 2026.1.1\n" });
  expect(looked.stderr).toBe(
    "os: stick.img is damaged: 8388608 bytes of its base lie in windows that are wrong; without --check they are written again\n",
  );
  expect(stick().equals(good)).toBe(false);
  expect(await osAsync("repair", ...args)).toEqual({
    status: 0,
    stderr: "",
    stdout:
      "stick.img: test-os test 2026.1.1\n" +
      "8388608 bytes of its base were wrong; they were written again, and read back.\n" +
      "Its piece is frog, and whole.\n",
  });
  expect(stick().equals(good)).toBe(true);
  // The window of zeros is not fetched
  expect(server.requests.filter((each) => each.includes("base.img"))).toEqual([
    `GET /old/base.img bytes=${3 * WINDOW}-${4 * WINDOW - 1}`,
  ]);
  const { status, stdout } = await osAsync("repair", "--check", ...args);
  expect(status).toBe(0);
  expect(stdout).toContain("All of its base is whole.\nIts piece is frog, and whole.\n");
});

test.each([
  ["the partition table", [512 + 0x40], ["--version", "2026.1.1"]],
  ["the boot code", [100], []],
  ["what follows the table", [100_000], []],
  ["a backup table", [good.length - 512 + 0x40], []],
])("%s is mended, also on a larger disk", (_, bytes, more) => {
  for (const size of [good.length, good.length + 5_000_192]) {
    damaged(bytes, size);
    expect(os("repair", "stick.img", ...BASE, ...more)).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(stick().subarray(0, good.length).equals(good)).toBe(true);
    expect(
      stick()
        .subarray(good.length)
        .every((byte) => byte === 0),
    ).toBe(true);
  }
});

test("a table that a partition tool has changed is left, and all else is mended", () => {
  damaged([100, 100_000, 3 * WINDOW], good.length + 8 * 2 ** 20);
  run("sgdisk", "--move-second-header", at("stick.img"));
  run("sgdisk", "--set-alignment=1", `--new=3:${last / 512}:0`, "--change-name=3:MINE", at("stick.img"));
  const before = stick();
  before.fill(0x77, last, last + 8 * 2 ** 20); // somebody's files
  writeFileSync(at("stick.img"), before);
  const result = os("repair", "stick.img", ...BASE);
  expect(result).toMatchObject({ status: 0, stderr: "" });
  expect(result.stdout).toContain(
    "Its partition table is not the image's: it is sound, and was left as it is.\n",
  );
  const after = stick();
  expect(after.subarray(0, 440).equals(good.subarray(0, 440))).toBe(true);
  expect(after.subarray(440, 17_408).equals(before.subarray(440, 17_408))).toBe(true);
  expect(after.subarray(17_408, last).equals(good.subarray(17_408, last))).toBe(true);
  expect(after.subarray(last).equals(before.subarray(last))).toBe(true);
  expect(run("sgdisk", "-v", at("stick.img"))).toMatch(/No problems found/);

  const broken = stick();
  broken[512 + 0x40]! ^= 1;
  writeFileSync(at("stick.img"), broken);
  const refused = os("repair", "stick.img", ...BASE);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(
    /^os: stick\.img: its partition table is damaged, and a partition tool has left/,
  );
  expect(stick().equals(broken)).toBe(true);
});

test("a piece that is damaged is left, and said, once the base is mended", () => {
  damaged([3 * WINDOW, good.indexOf("<!doctype html>", start) + 3]);
  const { status, stdout, stderr } = os("repair", "stick.img", "--version", "2026.1.1", ...BASE);
  expect({ status, stdout }).toEqual({
    status: 1,
    stdout: expect.stringContaining(
      "4194304 bytes of its base were wrong; they were written again",
    ) as string,
  });
  expect(stderr).toMatch(
    /^os: stick\.img: its piece is damaged \(piece\.html has not the SHA-256 in os\.json\): /,
  );
  expect(stick().subarray(0, start).equals(good.subarray(0, start))).toBe(true);
  expect(stick().subarray(start).equals(good.subarray(start))).toBe(false);
});

test("what it was made from has to be known, and to be it", async () => {
  await using server = await served();
  const LIST = ["--manifest", `${server.url}/latest.json`, ...KEY];
  const cases: [string, () => void, string[], RegExp][] = [
    [
      "no piece",
      () => writeFileSync(at("stick.img"), image),
      LIST,
      /which base it has cannot be read \(nothing on it says so/,
    ],
    [
      "no version",
      () => damaged([good.indexOf("2026.1.1", start) + 4]),
      LIST,
      /\(nothing on it says so\): say --flavor/,
    ],
    [
      "no table",
      () => damaged([512]),
      LIST,
      /cannot be read \(no partition table\): say --flavor, --version and --arch \(pc or arm\)/,
    ],
    [
      "cut off",
      () => damaged([], good.length - 1),
      LIST,
      /^os: stick\.img is cut off: it has 26214399 of the 26214400/,
    ],
    ["empty", () => writeFileSync(at("stick.img"), ""), LIST, /no partition table/],
    [
      "rubbish",
      () => writeFileSync(at("stick.img"), pattern(good.length)),
      BASE,
      /is no image of test 2026\.1\.1 for x86_64, or/,
    ],
    [
      "another version",
      () => damaged([]),
      [...LIST, "--version", "2025.1.1"],
      /No base image .* 2025\.1\.1 for .* has been/,
    ],
    ["another key", () => damaged([]), [...LIST.slice(0, 2), "--key", testKey(2).publicKey], /key/],
  ];
  for (const [what, make, args, message] of cases) {
    make();
    const before = stick();
    const { status, stderr } = await osAsync("repair", "stick.img", ...args);
    expect({ what, status }).toEqual({ what, status: 1 });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^os: [^\n]+\n$/);
    expect(stick().equals(before), what).toBe(true);
  }
});

describe("an image for ARM", () => {
  const arm = { ...manifest, arch: "aarch64" };
  const there = { version: manifest.version, flavor: manifest.flavor, created: manifest.created };
  // For PCs there is another base of that version
  const other = {
    ...manifest,
    digests: manifest.digests.map((each, i) => (each === "zeros" || i === 0 ? each : "0".repeat(64))),
  };
  const both = {
    releases: [
      { ...there, arch: "x86_64", manifest: "pc/manifest.json" },
      { ...there, arch: "aarch64", manifest: "arm/manifest.json" },
    ],
  };
  const servedBoth = () =>
    serve(
      files({
        "/latest.json": both,
        "/pc/manifest.json": other,
        "/arm/manifest.json": arm,
        "/arm/base.img": image,
      }),
    );
  writeFileSync(path.join(root, "arm.json"), JSON.stringify(arm));
  const armImage = () => {
    const args = ["--manifest", "../arm.json", "--arch", "arm", "--out", "stick.img"];
    expect(os("build", "frog", "--bundle", "../page.html", ...args)).toMatchObject({ status: 0 });
    return stick();
  };

  test("is mended by its own base, however that is asked for", async () => {
    const whole = armImage();
    await using server = await servedBoth();
    const [latest, address] = ["latest.json", "arm/manifest.json"].map((each) => `${server.url}/${each}`);
    for (const args of [[latest], [latest, "--flavor", "test", "--version", "2026.1.1"], [address]]) {
      const wrong = Buffer.from(whole);
      wrong[3 * WINDOW + 7]! ^= 1;
      writeFileSync(at("stick.img"), wrong);
      expect(await osAsync("repair", "stick.img", ...KEY, "--manifest", ...(args as string[]))).toEqual({
        status: 0,
        stderr: "",
        stdout:
          "stick.img: test-os test 2026.1.1 aarch64\n" +
          "4194304 bytes of its base were wrong; they were written again, and read back.\n" +
          "Its piece is frog, and whole.\n",
      });
      expect(stick().equals(whole)).toBe(true);
    }
  });

  test("is known by its os.json also where its piece is damaged; where nothing says so, --arch does", async () => {
    const whole = armImage();
    const damage = Buffer.from(whole);
    damage[whole.indexOf("<!doctype html>", start) + 3]! ^= 1;
    writeFileSync(at("stick.img"), damage);
    await using server = await servedBoth();
    const VERSION = ["--manifest", `${server.url}/latest.json`, ...KEY, "--version", "2026.1.1", "--check"];
    const known = await osAsync("repair", "stick.img", ...VERSION);
    expect(known.stdout).toContain("All of its base is whole.");
    expect(known.stderr).toMatch(/its piece is damaged/);

    writeFileSync(at("stick.img"), image);
    const unknown = await osAsync("repair", "stick.img", ...VERSION);
    expect(unknown).toMatchObject({ status: 1 });
    expect(unknown.stderr).toMatch(
      /is no image of test 2026\.1\.1 for x86_64, or .*: put a whole image there, or say --arch arm if it is for that$/m,
    );
    expect(await osAsync("repair", "stick.img", ...VERSION, "--arch", "arm")).toMatchObject({ status: 0 });
    const ADDRESS = ["--manifest", `${server.url}/arm/manifest.json`, ...KEY, "--check"];
    expect(await osAsync("repair", "stick.img", ...ADDRESS)).toMatchObject({ status: 0 });
    expect((await osAsync("repair", "stick.img", ...ADDRESS, "--arch", "pc")).stderr).toMatch(
      /its architecture is aarch64, not x86_64/,
    );
  });

  test("has the older table again by which a Raspberry Pi starts, where a tool has made one of a GPT alone", async () => {
    writeFileSync(at("hybrid.img"), image);
    run("sgdisk", "--hybrid=1", at("hybrid.img"));
    const hybrid = readFileSync(at("hybrid.img"));
    const first = digestOfWindow(new Uint8Array(hybrid.subarray(0, WINDOW)));
    const base = { ...arm, digests: [first, ...arm.digests.slice(1)] };
    await using server = await serve(files({ "/arm/manifest.json": base, "/arm/base.img": hybrid }));
    const args = ["repair", "stick.img", ...KEY, "--manifest", `${server.url}/arm/manifest.json`];

    writeFileSync(at("stick.img"), Buffer.concat([hybrid, Buffer.alloc(8 * 2 ** 20)]));
    run("sgdisk", "--move-second-header", at("stick.img"));
    const moved = stick();
    expect((await osAsync(...args, "--check")).stdout).toContain("All of its base is whole.");
    const protective = Buffer.from(moved).fill(0, 446, 510);
    protective.set(image.subarray(446, 462), 446); // 0xEE over all, as parted makes it
    writeFileSync(at("stick.img"), protective);
    expect((await osAsync(...args, "--check")).stderr).toContain(
      "66 bytes of its base lie in windows that are wrong",
    );
    expect(await osAsync(...args)).toMatchObject({ status: 0, stderr: "" });
    expect(stick().subarray(446, 512).equals(hybrid.subarray(446, 512))).toBe(true);
    expect(stick().subarray(512).equals(moved.subarray(512))).toBe(true); // the table that the tool has moved
    expect(run("sgdisk", "-v", at("stick.img"))).toMatch(/No problems found/);
  });

  test("that is cut off is built anew as one for ARM, or it is said that it has to be asked for", () => {
    const whole = armImage();
    writeFileSync(at("stick.img"), whole.subarray(0, whole.length - 1));
    expect(os("repair", "stick.img", "--manifest", "../arm.json").stderr).toMatch(
      /build a new one, --from stick\.img, and only/,
    );
    writeFileSync(at("stick.img"), whole.subarray(0, WINDOW));
    expect(os("repair", "stick.img", "--manifest", "../arm.json").stderr).toMatch(
      /build a new one, --from stick\.img \(and --arch arm, if it is for that\), and only/,
    );
  });
});

mountTest("a stick is mended in place", () => {
  damaged([3 * WINDOW], 32 * 2 ** 20);
  const disk = run("losetup", "--find", "--show", at("stick.img")).trim();
  try {
    expect(os("repair", "--check", disk, ...BASE)).toMatchObject({ status: 1 });
    expect(os("repair", disk, ...BASE)).toMatchObject({ status: 0, stderr: "" });
    expect(os("repair", "--check", disk, ...BASE)).toMatchObject({ status: 0, stderr: "" });
  } finally {
    run("losetup", "--detach", disk);
  }
  expect(stick().subarray(0, good.length).equals(good)).toBe(true);
});
