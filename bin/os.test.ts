import { spawnSync } from "node:child_process";
import {
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
import path from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { WINDOW } from "../src/release/manifest.ts";
import { png } from "../src/splash/png.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";
import { files, serve } from "../src/testing/range-server.ts";
import { testKey } from "../src/testing/sign.ts";
import { osIn } from "../src/testing/os.ts";

const { manifest, image } = await testBase();
const bundle = "<!doctype html><title>notepat</title><script>1</script>";
const root = mkdtempSync(path.join(tmpdir(), "os-cli-"));
const manifestFile = path.join(root, "manifest.json");
writeFileSync(manifestFile, JSON.stringify(manifest));
writeFileSync(path.join(root, "base.img"), image);
const bundleFile = path.join(root, "notepat.html");
writeFileSync(bundleFile, bundle);
const vastFile = path.join(root, "vast.png");
writeFileSync(
  vastFile,
  await png({ width: 4097, height: 4096, pixels: new Uint8Array(0), palette: ["#000000"] }),
);
const BUILD = ["build", "x", "--manifest", manifestFile, "--bundle", bundleFile];
let folder = root;
process.env["XDG_STATE_HOME"] = path.join(root, "state"); // what it remembers is not the person's
let { os, osAsync, start } = osIn(folder);
beforeEach(() => {
  folder = mkdtempSync(path.join(root, "run-"));
  ({ os, osAsync, start } = osIn(folder));
});
afterAll(() => rmSync(root, { recursive: true }));

test("an image says who has built it, if --by does", () => {
  expect(os(...BUILD, "--by", "@jeffrey", "--out", "by.iso")).toMatchObject({ status: 0, stderr: "" });
  expect(os("inspect", "by.iso").stdout).toMatch(/^built by +@jeffrey$/m);
  expect(os(...BUILD, "--out", "nobody.iso")).toMatchObject({ status: 0 });
  expect(os("inspect", "nobody.iso").stdout).not.toContain("built by");
  const { status, stderr } = os(...BUILD, "--by", "jeffrey");
  expect([status, stderr]).toEqual([
    2,
    expect.stringContaining("--by takes a handle of AC's, as @jeffrey; not jeffrey"),
  ]);
});

test("a piece may use what --allow says, and nothing else", async () => {
  expect(os(...BUILD, "--allow", "microphone,camera", "--out", "a.iso")).toMatchObject({
    status: 0,
    stderr: "",
  });
  expect(readFileSync(path.join(folder, "a.iso")).includes('"allow": ["camera","microphone"]')).toBe(true);
  expect(os(...BUILD, "--out", "b.iso")).toMatchObject({ status: 0, stderr: "" });
  expect(readFileSync(path.join(folder, "b.iso")).includes('"allow": []')).toBe(true);
  const { status, stderr } = os(...BUILD, "--allow", "camera,everything");
  expect(status).toBe(2);
  expect(stderr).toContain(
    "--allow takes camera, microphone, midi, network, sysex, with commas between; not everything",
  );
});

/** Write `home.json` into the folder in which the command runs. */
function writeSettings(json: unknown): void {
  writeFileSync(path.join(folder, "home.json"), typeof json === "string" ? json : JSON.stringify(json));
}

test("an image has the settings of a file, which nothing that is printed gives away", () => {
  const wifi = [
    { ssid: "Café", security: "wpa2", passphrase: "password one" },
    { ssid: "IEEE", passphrase: "password two", hidden: true },
  ];
  writeSettings(`\ufeff${JSON.stringify({ wifi, country: "FR", keyboard: { layout: "fr" }, rotation: 90 })}`);
  const how = [...BUILD, "--settings", "home.json", "--allow", "network"];
  const built = os(...how, "--out", "a.iso");
  expect(built).toMatchObject({ status: 0, stderr: "" });
  const made = readFileSync(path.join(folder, "a.iso"));
  expect(made.includes("password one")).toBe(false);
  expect(made.includes("password two")).toBe(true);
  expect(statSync(path.join(folder, "a.iso")).mode & 0o777).toBe(0o600);
  const inspected = os("inspect", "a.iso");
  expect(inspected.stdout).toMatch(
    /^settings +wifi "Café" \(wpa2\)\n +wifi "IEEE" \(wpa3, hidden\)\n +country FR\n +keyboard fr\n +rotation 90\nfiles +.*settings.json/m,
  );
  const [, psk = ""] = /"psk": "([0-9a-f]{64})"/.exec(made.toString("latin1")) ?? [];
  const [, random = ""] = /"random": "([0-9a-f]{32})"/.exec(made.toString("latin1")) ?? [];
  const printed = built.stdout + inspected.stdout + inspected.stderr;
  expect([psk.length, random.length]).toEqual([64, 32]);
  for (const secret of ["password", psk, random]) expect(printed).not.toContain(secret);

  os(...how, "--out", "b.iso");
  const other = readFileSync(path.join(folder, "b.iso"));
  expect(other.equals(made)).toBe(false);
  writeSettings({ random, wifi, country: "FR", keyboard: { layout: "fr" }, rotation: 90 });
  os(...how, "--out", "c.iso");
  expect(readFileSync(path.join(folder, "c.iso")).equals(made)).toBe(true);
});

test.each<[string, unknown, RegExp]>([
  ["no JSON", '{"wifi": "hunter2', /^os: home.json: it is not JSON\n$/],
  ["no file of settings", "x".repeat(20_000), /^os: home.json has 20000 bytes, and 16384 are the most/],
  [
    "all that is wrong, at once",
    { wifi: [{ ssid: "a", passphrase: "hunter2" }], rotation: "hunter2", hunter2hunter2: 1 },
    /^os: home.json: wifi\[0\].passphrase has 8 to 63 [^\n]*; rotation is one of 0, 90, 180, 270; it has keys that are not known here: hunter2hunter2\n$/,
  ],
])("settings that a machine would pass over are refused: %s", (_, json, said) => {
  writeSettings(json);
  const { status, stdout, stderr } = os(...BUILD, "--settings", "home.json", "--out", "a.iso");
  expect([status, stdout, readdirSync(folder)]).toEqual([1, "", ["home.json"]]);
  expect(stderr).toMatch(said);
  expect(stderr.replace("hunter2hunter2", "")).not.toContain("hunter2");
});

test("who names networks and allows none is told", () => {
  writeSettings({ wifi: [{ ssid: "a" }] });
  expect(os(...BUILD, "--settings", "home.json", "--out", "a.iso")).toMatchObject({
    status: 0,
    stderr: "os: home.json names wireless networks, and nothing joins them without --allow network\n",
  });
});

test("builds from files the image that it builds over HTTP, and inspects it", async () => {
  const fromFiles = os(
    "build",
    "notepat",
    "--manifest",
    manifestFile,
    "--bundle",
    bundleFile,
    "--out",
    "a.iso",
  );
  expect(fromFiles).toMatchObject({ status: 0, stderr: "" });
  const made = readFileSync(path.join(folder, "a.iso"));
  const sha256 = sha256Of(new Uint8Array(made));
  expect(fromFiles.stdout).toBe(`a.iso: ${image.length} bytes, SHA-256 ${sha256}\n`);

  await using server = await serve(
    files({ "/manifest.json": manifest, "/base.img": image, "/pack-html": bundle }),
  );
  const overHttp = await osAsync(
    "build",
    "notepat",
    "--manifest",
    `${server.url}/manifest.json`,
    "--oven",
    server.url,
    "--key",
    testKey().publicKey,
  );
  expect(overHttp).toMatchObject({ status: 0, stderr: "" });
  expect(readFileSync(path.join(folder, "notepat-os.iso")).equals(made)).toBe(true);

  const { stdout } = os("inspect", "a.iso");
  expect(stdout).toMatch(/^\s+2\s+FEDAC-PIECE\s+16777216\s+8388608$/m);
  expect(stdout).toMatch(/^name\s+notepat$/m);
  expect(stdout).toMatch(/^base\s+test-os test 2026.1.1$/m);
  expect(stdout).toMatch(new RegExp(`^SHA-256\\s+${sha256Of(new TextEncoder().encode(bundle))}$`, "m"));
});

test("a base image is known as one", () => {
  expect(os("inspect", "../base.img")).toMatchObject({ status: 0 });
  expect(os("inspect", "../base.img").stdout).toContain("none: this is a base image");
});

test("mkfs makes what e2fsck accepts, twice the same, with all that was in the folder", () => {
  const tree = path.join(folder, "tree");
  mkdirSync(path.join(tree, "sub"), { recursive: true });
  writeFileSync(path.join(tree, "sub", "file"), "x".repeat(3_000_000), { mode: 0o640 });
  symlinkSync("sub/file", path.join(tree, "link"));
  const args = ["--size", "20M", "--label", "FEDAC-PIECE", "--uuid", "01234567-89ab-cdef-0123-456789abcdef"];
  for (const out of ["1.img", "2.img"]) {
    expect(os("mkfs", "--out", out, ...args, "--time", "1000000", "tree")).toMatchObject({
      status: 0,
      stderr: "",
    });
  }
  const [one, two] = ["1.img", "2.img"].map((name) => readFileSync(path.join(folder, name)));
  expect(one?.length).toBe(20 * 2 ** 20);
  expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true);
  const fsck = spawnSync("e2fsck", ["-fn", path.join(folder, "1.img")], { encoding: "utf8" });
  expect(fsck.status).toBe(0);
  expect(fsck.stdout).not.toMatch(/fix\?/i);
  const debugfs = (request: string) =>
    spawnSync("debugfs", ["-R", request, path.join(folder, "1.img")], {
      encoding: "utf8",
      maxBuffer: 8_000_000,
    }).stdout;
  expect(debugfs("cat sub/file") === "x".repeat(3_000_000)).toBe(true); // no diff of megabytes
  expect(debugfs("stat sub/file")).toMatch(/Mode:\s+0640/);
  expect(debugfs("stat link")).toMatch(/Fast link dest: "sub\/file"/);
});

const wrong: [number, string[], RegExp][] = [
  [2, ["frob"], /"frob" is not one of/],
  [2, ["build", "x", "--wat"], /Unknown option '--wat'/],
  [2, ["inspect"], /name one image/],
  [2, ["doctor"], /name the site/],
  [2, ["doctor", "aesthetic.computer"], /name the site/],
  [2, ["mkfs", "."], /--out IMAGE/],
  [2, ["mkfs", "--out", "i", "--size", "20 MB", "."], /"20 MB" is not a size/],
  [2, ["mkfs", "--out", "i", "--size", "20M", "--time", "soon", "."], /not a time/],
  [1, ["mkfs", "--out", "i", "--size", "20M", "nowhere"], /nowhere cannot be read: there is no such file/],
  [1, ["mkfs", "--out", "i", "--size", "20M", "--label", "x".repeat(17), "."], /label/],
  [
    1,
    ["mkfs", "--out", "no/such/i", "--size", "20M", "."],
    /no\/such\/i cannot be written: there is no such/,
  ],
  [1, ["build", "../x"], /"\.\.\/x" is not the name of a piece/],
  [1, ["build", "<script>"], /is not the name of a piece/],
  [1, ["build", "x", "--manifest", "nowhere.json"], /nowhere.json cannot be read/],
  [1, ["build", "x", "--manifest", bundleFile], /is not JSON/],
  [
    1,
    ["build", "x", "--manifest", "http://127.0.0.1:1/latest.json", "--patience", "1"],
    /list of releases cannot be fetched/,
  ],
  [
    1,
    ["build", "x", "--manifest", manifestFile, "--oven", "http://127.0.0.1:1", "--patience", "1"],
    /oven.* cannot be reached/,
  ],
  [1, ["build", "x", "--manifest", manifestFile, "--bundle", manifestFile], /not an HTML page/],
  [1, ["build", "x", "--manifest", manifestFile, "--bundle", "none.html"], /none.html cannot be read/],
  [1, ["build", "x", "--manifest", manifestFile, "--oven", "nonsense"], /oven's address, nonsense, is none/],
  [1, [...BUILD, "--splash", bundleFile], /notepat.html is not a PNG/],
  [1, [...BUILD, "--splash", vastFile], /has 4097 by 4096 pixels; 16777216 in all are shown/],
  [1, ["inspect", "."], /is not a file/],
  [1, ["inspect", "nowhere.iso"], /nowhere.iso cannot be read/],
  [1, ["inspect", bundleFile], /no partition table/],
];
test.each(wrong)("exit code %i for %j", (status, args, message) => {
  const result = os(...args);
  expect(result.stderr).toMatch(message);
  expect(result.stderr).toMatch(/^os: [^\n]+\n$/);
  expect(result).toMatchObject({ status, stdout: "" });
  expect(readdirSync(folder)).toEqual([]);
});

test.each([[], ["help"], ["--help"], ["-h"]])("help names all commands: %j", (...args) => {
  const { status, stdout, stderr } = os(...args.flat());
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const name of ["build", "put", "repair", "mkfs", "inspect", "doctor"])
    expect(stdout).toContain(`os -- ${name} `);
});

test.each(["build", "put", "repair", "mkfs", "inspect", "doctor"])(
  "%s --help says what it takes, and does nothing",
  (name) => {
    for (const args of [
      [name, "--help"],
      [name, "-h"],
      ["help", name],
      [name, "x", "--wat", "--help"],
    ]) {
      const { status, stdout, stderr } = os(...args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout.match(/os -- \w+/g)).toEqual([`os -- ${name}`]);
    }
    expect(readdirSync(folder)).toEqual([]);
  },
);

test("a damaged base leaves no file", () => {
  const damaged = image.slice();
  damaged[3 * WINDOW + 5]! ^= 1;
  writeFileSync(path.join(root, "damaged.img"), damaged);
  const its = { ...manifest, image: { ...manifest.image, url: "damaged.img" } };
  writeFileSync(path.join(root, "damaged.json"), JSON.stringify(its));
  const result = os("build", "x", "--manifest", "../damaged.json", "--bundle", bundleFile, "--out", "x.iso");
  expect(result).toMatchObject({ status: 1, stdout: "" });
  expect(result.stderr).toMatch(/not the one its manifest describes/);
  expect(readdirSync(folder)).toEqual([]);
});

test("a device is not replaced by a file", () => {
  const result = os("build", "x", "--manifest", manifestFile, "--bundle", bundleFile, "--out", "/dev/null");
  expect(result).toMatchObject({ status: 1, stdout: "" });
  expect(result.stderr).toMatch(/\/dev\/null is there, and is not a file/);
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
});

test("two builds into one file do not mix", async () => {
  const other = path.join(root, "other.html");
  writeFileSync(other, bundle.replace("notepat", "other"));
  const each = [bundleFile, other].map((html) =>
    osAsync("build", "x", "--manifest", manifestFile, "--bundle", html, "--out", "same.iso"),
  );
  const said = (await Promise.all(each)).map(({ stdout }) => /SHA-256 (\w+)/.exec(stdout)?.[1]);
  expect(said).toContain(sha256Of(new Uint8Array(readFileSync(path.join(folder, "same.iso")))));
  expect(readdirSync(folder)).toEqual(["same.iso"]);
});

test("Ctrl-C leaves no file", async () => {
  await using server = await serve((request, response) => {
    if (request.headers.range?.startsWith(`bytes=${3 * WINDOW}`)) response.writeHead(206).write("slow");
    else files({ "/manifest.json": manifest, "/base.img": image })(request, response);
  });
  const child = start(
    "build",
    "x",
    "--manifest",
    `${server.url}/manifest.json`,
    "--bundle",
    bundleFile,
    "--key",
    testKey().publicKey,
    "--out",
    "x.iso",
  );
  await expect.poll(() => readdirSync(folder), { timeout: 20_000 }).not.toEqual([]);
  child.process.kill("SIGINT");
  const result = await child.ended;
  expect(result).toMatchObject({ status: 1, stdout: "" });
  expect(result.stderr).toMatch(/^os: The build was cancelled\./);
  expect(readdirSync(folder)).toEqual([]);
});
