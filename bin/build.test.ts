import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { WINDOW } from "../src/release/manifest.ts";
import { pattern } from "../src/testing/bytes.ts";
import { newerBase } from "../src/testing/newer-base.ts";
import { osIn } from "../src/testing/os.ts";
import { files, serve } from "../src/testing/range-server.ts";
import { signLatest, testKey } from "../src/testing/sign.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";

const { manifest, image } = await testBase();
const { start, length } = manifest.piecePartition;
const root = mkdtempSync(path.join(tmpdir(), "os-build-"));
afterAll(() => rmSync(root, { recursive: true }));
process.env["XDG_STATE_HOME"] = path.join(root, "state");
writeFileSync(path.join(root, "manifest.json"), JSON.stringify(manifest));
writeFileSync(path.join(root, "base.img"), image);
writeFileSync(path.join(root, "page.html"), "<!doctype html><script>1</script>");
const KEY = ["--key", testKey().publicKey];
const BUILD = ["build", "@jeffrey/frog", "--bundle", "../page.html"];
const FILE = [...BUILD, "--manifest", "../manifest.json"];

let folder = root;
let { os, osAsync } = osIn(root);
beforeEach(() => {
  folder = mkdtempSync(path.join(root, "run-"));
  ({ os, osAsync } = osIn(folder));
  rmSync(process.env["XDG_STATE_HOME"]!, { recursive: true, force: true }); // which releases one test has seen is no other's
});
const at = (name: string) => path.join(folder, name);
const served = () => serve(files({ "/manifest.json": manifest, "/base.img": image }));

describe("--only-piece", () => {
  test("is the partition that the whole image has, and takes nothing of the base", async () => {
    expect(os(...FILE, "--allow", "midi", "--out", "whole.iso")).toMatchObject({ status: 0, stderr: "" });
    const partition = readFileSync(at("whole.iso")).subarray(start, start + length);
    await using server = await served();
    const manifestUrl = `${server.url}/manifest.json`;
    const made = await osAsync(
      ...BUILD,
      "--manifest",
      manifestUrl,
      ...KEY,
      "--allow",
      "midi",
      "--only-piece",
    );
    const sha256 = sha256Of(new Uint8Array(partition));
    expect(made).toEqual({
      status: 0,
      stderr: "",
      stdout: `frog@jeffrey-piece.img: ${length} bytes, SHA-256 ${sha256}\n`,
    });
    expect(readFileSync(at("frog@jeffrey-piece.img")).equals(partition)).toBe(true);
    expect(server.requests).toEqual(["GET /manifest.json", "GET /manifest.json.minisig"]);
  });

  test("a piece that does not fit leaves no file; --from makes no sense with it", () => {
    writeFileSync(at("large.html"), `<!doctype html><script>${"x".repeat(length - 100)}</script>`);
    const large = os(...FILE, "--bundle", "large.html", "--only-piece");
    expect(large).toMatchObject({ status: 1, stdout: "" });
    expect(large.stderr).toMatch(/^os: @jeffrey\/frog does not fit its partition of 8388608 bytes/);
    rmSync(at("large.html"));
    const both = os(...FILE, "--only-piece", "--from", "../base.img");
    expect(both).toMatchObject({ status: 2, stdout: "" });
    expect(both.stderr).toMatch(/^os: --only-piece needs no base, so it takes none --from an image/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("several pieces", () => {
  const NAMES = ["notepat", "@jeffrey/frog"];
  const BOTH = ["build", ...NAMES, "--manifest", "../manifest.json"];
  const PAGES = ["--bundle", "../page.html", "--bundle", "../other.html"];
  writeFileSync(path.join(root, "other.html"), "<!doctype html><script>2</script>");

  test("go into one image, with what each may use, and every command says which they are", () => {
    const allow = ["--allow", "midi", "--allow", "@jeffrey/frog=camera,network"];
    const made = os(...BOTH, ...PAGES, ...allow, "--by", "@jeffrey");
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(made.stdout).toMatch(/^2 pieces; it starts with the menu\.\nnotepat\+1-os\.iso: /);
    const { stdout } = os("inspect", "notepat+1-os.iso");
    expect(stdout).toMatch(/^starts +the menu$/m);
    expect(stdout).toMatch(/^name +notepat\npieces\/notepat\/piece\.html +33 bytes$/m);
    expect(stdout).toMatch(/^name +@jeffrey\/frog\npieces\/jeffrey-frog\/piece\.html +33 bytes$/m);
    expect(stdout.match(/^may use +(.*)$/gm)?.map((line) => line.replace(/^may use +/, ""))).toEqual([
      "midi",
      "camera, midi, network",
    ]);
    expect(stdout).toMatch(/^built by +@jeffrey$/m);
  });

  test("--start names the one that starts, and --only-piece makes the same partition for put", () => {
    const start1 = ["--start", "@jeffrey/frog"];
    const made = os(...BOTH, ...PAGES, ...start1);
    expect(made.stdout).toMatch(/^2 pieces; it starts with @jeffrey\/frog\./);
    expect(os(...BOTH, ...PAGES, ...start1, "--only-piece")).toMatchObject({ status: 0 });
    const partition = readFileSync(at("notepat+1-os.iso")).subarray(start, start + length);
    expect(readFileSync(at("notepat+1-piece.img")).equals(partition)).toBe(true);
    expect(os(...BOTH, ...PAGES, "--only-piece", "--out", "menu.img")).toMatchObject({ status: 0 });
    const put = os("put", "menu.img", "notepat+1-os.iso");
    expect(put.status).toBe(0);
    expect(put.stdout).toMatch(/^notepat\+1-os\.iso: piece of 8388608 bytes/);
    expect(os("inspect", "notepat+1-os.iso").stdout).toMatch(/^starts +the menu$/m);
  });

  test.each([
    [2, ["notepat", "notepat"], "notepat is named twice"],
    [2, [...NAMES, "--bundle", "../page.html"], "--bundle is said once for each of the pieces"],
    [2, [...NAMES, ...PAGES, "--start", "cow"], '--start takes one of the pieces, or "menu"; not "cow"'],
    [2, ["notepat", "--start", "menu"], '--start takes one of the pieces, not "menu"'],
    [2, [...NAMES, ...PAGES, "--allow", "cow=midi"], '--allow is for the pieces; not "cow"'],
    [2, [...NAMES, ...PAGES, "--allow", "notepat=teleport"], "not teleport"],
    [
      1,
      [...NAMES, ...PAGES.slice(0, 2), "--bundle", "large.html"],
      "There is no room for @jeffrey/frog beside notepat",
    ],
    [
      1,
      ["notepat", "line", "--manifest", "../old.json"],
      "The base test 2026.1.1 starts one piece, not several",
    ],
  ])("%i: %j: %s", (status, args, words) => {
    writeFileSync(at("large.html"), `<!doctype html><script>${"x".repeat(length - 100_000)}</script>`);
    writeFileSync(path.join(root, "old.json"), JSON.stringify({ ...manifest, osJson: undefined }));
    const failed = os("build", "--manifest", "../manifest.json", ...args);
    expect(failed).toMatchObject({ status, stdout: "" });
    expect(failed.stderr).toContain(words);
  });
});

describe("--from", () => {
  test("takes what is right from an image of another piece, and fetches the rest", async () => {
    expect(os("build", "other", ...FILE.slice(2), "--out", "other.iso")).toMatchObject({ status: 0 });
    expect(os(...FILE, "--out", "expected.iso")).toMatchObject({ status: 0 });
    const damaged = readFileSync(at("other.iso"));
    damaged[WINDOW + 5]! ^= 1;
    writeFileSync(at("other.iso"), damaged);
    await using server = await served();
    const args = [
      "--manifest",
      `${server.url}/manifest.json`,
      ...KEY,
      "--from",
      "other.iso",
      "--out",
      "new.iso",
    ];
    const { status, stdout, stderr } = await osAsync(...BUILD, ...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(
      /^4194304 bytes of the base were fetched; the rest of it came from other\.iso\.$/m,
    );
    expect(server.requests.filter((each) => each.includes("base.img"))).toEqual([
      `GET /base.img bytes=${WINDOW}-${2 * WINDOW - 1}`,
    ]);
    expect(readFileSync(at("new.iso")).equals(readFileSync(at("expected.iso")))).toBe(true);
  });

  test(
    "takes what has not changed from an image of an older base, and fetches the rest",
    { timeout: 120_000 },
    async () => {
      expect(os(...FILE, "--out", "older.iso")).toMatchObject({ status: 0 });
      const newer = await newerBase({ manifest, image });
      await using server = await serve(files(newer.parts));
      const args = [
        "--manifest",
        `${server.url}/manifest.json`,
        ...KEY,
        "--from",
        "older.iso",
        "--out",
        "new.iso",
      ];
      const { status, stdout, stderr } = await osAsync(...BUILD, ...args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toMatch(/^4\.2 MB of 12\.6 MB are to be fetched: the rest is in older\.iso\.$/m);
      expect(stdout).toContain(
        `${newer.left} bytes of the base were fetched; the rest of it came from older.iso.`,
      );
      const made = readFileSync(at("new.iso"));
      expect(made.subarray(0, start).equals(newer.image.subarray(0, start))).toBe(true);
      expect(made.subarray(start + length).equals(newer.image.subarray(start + length))).toBe(true);
    },
  );

  test.each([0, 1, WINDOW + 1, 3 * WINDOW])(
    "a file cut off after %i bytes gives what it has",
    async (size) => {
      expect(os(...FILE, "--out", "cut.iso")).toMatchObject({ status: 0 });
      const expected = readFileSync(at("cut.iso"));
      truncateSync(at("cut.iso"), size);
      await using server = await served();
      const args = [
        "--manifest",
        `${server.url}/manifest.json`,
        ...KEY,
        "--from",
        "cut.iso",
        "--out",
        "cut.iso",
      ];
      expect(await osAsync(...BUILD, ...args)).toMatchObject({ status: 0, stderr: "" });
      expect(readFileSync(at("cut.iso")).equals(expected)).toBe(true);
      const whole = Math.floor(size / WINDOW);
      const asked = server.requests.filter((each) => each.includes("base.img"));
      expect(asked.some((each) => each.includes("bytes=0-"))).toBe(whole === 0);
      expect(asked.some((each) => each.includes(`bytes=${3 * WINDOW}-`))).toBe(true);
    },
  );

  test("another file than an image costs nothing but time; one that is not there is said", async () => {
    writeFileSync(at("other.bin"), pattern(image.length));
    expect(os(...FILE, "--from", "other.bin", "--out", "a.iso")).toMatchObject({ status: 0, stderr: "" });
    const none = os(...FILE, "--from", "none.iso", "--out", "b.iso");
    expect(none).toMatchObject({ status: 1, stdout: "" });
    expect(none.stderr).toBe("os: none.iso cannot be read: there is no such file or folder\n");
  });
});

describe("--arch", () => {
  writeFileSync(path.join(root, "arm.json"), JSON.stringify({ ...manifest, arch: "aarch64" }));
  const ARM = [...BUILD, "--manifest", "../arm.json"];

  test("a base for another architecture is taken only when that is asked for", () => {
    const pc = os(...ARM);
    expect(pc).toMatchObject({ status: 1, stdout: "" });
    expect(pc.stderr).toMatch(/its architecture is aarch64, not x86_64/);
    const arm = os(...FILE, "--arch", "arm");
    expect(arm.stderr).toMatch(/its architecture is x86_64, not aarch64/);
    expect(os(...FILE, "--arch", "vax").stderr).toMatch(/^os: --arch takes pc or arm, not "vax"/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("without it an image is for the computers that the one it is made --from is for", () => {
    expect(os(...ARM, "--arch", "arm", "--out", "old.img")).toMatchObject({ status: 0, stderr: "" });
    const { version, flavor, created } = manifest;
    const entry = { version, flavor, created };
    const both = {
      releases: [
        { ...entry, arch: "x86_64", manifest: "manifest.json" },
        { ...entry, arch: "aarch64", manifest: "arm.json" },
      ],
    };
    writeFileSync(path.join(root, "latest.json"), signLatest(both));
    const FROM = [...BUILD, "--manifest", "../latest.json", "--flavor", "test", "--from", "old.img"];
    const same = os(...FROM);
    expect(same).toMatchObject({ status: 0, stderr: "" });
    expect(same.stdout).toMatch(/^frog@jeffrey-os-arm\.img: /);
    expect(readFileSync(at("frog@jeffrey-os-arm.img")).equals(readFileSync(at("old.img")))).toBe(true);
    expect(os(...FROM, "--arch", "pc").stdout).toMatch(/^frog@jeffrey-os\.iso: /);
    // What `repair` says of one that is cut off: to build a new one, --from it
    truncateSync(at("old.img"), image.length - 1);
    expect(os(...FROM).stdout).toMatch(/^frog@jeffrey-os-arm\.img: /);
    truncateSync(at("old.img"), WINDOW);
    expect(os(...FROM).stdout).toMatch(/^frog@jeffrey-os\.iso: /);
  });

  test("beside an image for ARM lies what Raspberry Pi Imager verifies it by", () => {
    expect(os(...ARM, "--arch", "arm")).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(folder).toSorted()).toEqual([
      "frog@jeffrey-os-arm.img",
      "frog@jeffrey-os-arm.rpi-imager-manifest",
    ]);
    const made = readFileSync(at("frog@jeffrey-os-arm.img"));
    const { os_list: list } = JSON.parse(
      readFileSync(at("frog@jeffrey-os-arm.rpi-imager-manifest"), "utf8"),
    ) as {
      os_list: { url: string; extract_sha256: string; extract_size: number }[];
    };
    expect(list).toHaveLength(1);
    expect(list[0]).toMatchObject({
      extract_size: made.length,
      extract_sha256: sha256Of(new Uint8Array(made)),
    });
    expect(fileURLToPath(list[0]!.url)).toBe(realpathSync(at("frog@jeffrey-os-arm.img")));
  });

  test("where that cannot be written, the image is there all the same, and both are said", () => {
    mkdirSync(at("a.rpi-imager-manifest"));
    const { status, stdout, stderr } = os(...ARM, "--arch", "arm", "--out", "a.img");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^a\.img: [0-9]+ bytes, SHA-256 [0-9a-f]{64}\n$/);
    expect(stderr).toMatch(
      /^os: a\.img is whole, but Raspberry Pi Imager has nothing to verify it by: a\.rpi-imager-manifest is there, and is not a file[^\n]*\n$/,
    );
    expect(readFileSync(at("a.img"))).toHaveLength(image.length);
    expect(readdirSync(folder).toSorted()).toEqual(["a.img", "a.rpi-imager-manifest"]);
  });
});
