import * as fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { osIn } from "../src/testing/os.ts";
import { files, serve } from "../src/testing/range-server.ts";
import { signManifest, testKey } from "../src/testing/sign.ts";
import { testBase } from "../src/testing/test-base.ts";

// The command line, as a person at a terminal has it, on a folder where a stick could be mounted.

const { manifest, image } = await testBase();
const key = testKey();
const root = fs.mkdtempSync(path.join(tmpdir(), "os-stick-"));
const manifestFile = path.join(root, "manifest.json");
const json = JSON.stringify(manifest);
fs.writeFileSync(manifestFile, json);
fs.writeFileSync(`${manifestFile}.minisig`, signManifest(manifest, key));
fs.writeFileSync(path.join(root, "base.img"), image);
const page = path.join(root, "piece.html");
fs.writeFileSync(page, "<!doctype html><title>piece</title><script>1</script>");
const BASE = ["--manifest", manifestFile, "--bundle", page];
const WITH = ["--any-file-system", "--key", key.publicKey];
const { os, osAsync } = osIn(root);
let folder = root;
beforeEach(() => (folder = fs.mkdtempSync(path.join(root, "stick-"))));
afterAll(() => fs.rmSync(root, { recursive: true }));

const stick = (...args: string[]) => os("stick", folder, ...WITH, ...args);
const filesIn = (at: string) =>
  fs.readdirSync(at, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const live = () =>
  path.join(folder, "fedac/systems", fs.readdirSync(path.join(folder, "fedac/systems"))[0]!, "live.img");

test("pieces come and go, and what was there before is there in the end", () => {
  fs.mkdirSync(path.join(folder, "EFI/BOOT"), { recursive: true });
  fs.writeFileSync(path.join(folder, "EFI/BOOT/BOOTX64.EFI"), "another system");
  fs.writeFileSync(path.join(folder, "holiday.txt"), "sea");

  const refused = stick("drift", ...BASE);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(
    /^os: Another system starts from this stick: \/EFI\/BOOT\/BOOTX64.EFI. .*--replace/,
  );
  expect(filesIn(folder)).toHaveLength(2);

  expect(stick("drift", ...BASE, "--replace")).toMatchObject({ status: 0, stderr: "" });
  const two = stick("notepat", ...BASE);
  expect(two.stdout).toMatch(/^piece {10}drift, .*\npiece {2}starts {2}notepat, /m);
  expect(stick("--start", "drift").stdout).toMatch(/^piece {2}starts {2}drift, /m);
  expect(stick("--remove", "drift").stdout).not.toContain("drift");
  expect(stick("--check")).toMatchObject({ status: 0, stderr: "" });
  expect(stick("--take-off").stdout).toBe("Nothing of ours is on this stick.\n");
  expect(new Set(filesIn(folder).map(({ name }) => name))).toEqual(new Set(["BOOTX64.EFI", "holiday.txt"]));
  expect(fs.readFileSync(path.join(folder, "EFI/BOOT/BOOTX64.EFI"), "utf8")).toBe("another system");
});

test("the same piece in another version takes the place of the one before", () => {
  stick("drift", ...BASE);
  const page2 = path.join(root, "piece2.html");
  fs.writeFileSync(page2, "<!doctype html><title>piece</title><script>2</script>");
  expect(stick("drift", "--manifest", manifestFile, "--bundle", page2).stdout.match(/drift,/g)).toHaveLength(
    1,
  );
});

test("a piece has the settings of a file beside it", () => {
  const settings = path.join(root, "home.json");
  fs.writeFileSync(
    settings,
    JSON.stringify({ wifi: [{ ssid: "a", passphrase: "correct horse" }], volume: 40 }),
  );
  const { status, stdout, stderr } = stick("drift", ...BASE, "--settings", settings, "--allow", "network");
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).not.toContain("horse");
  const [file] = filesIn(folder).filter(({ name }) => name === "settings.json");
  expect(JSON.parse(fs.readFileSync(path.join(file!.parentPath, file!.name), "utf8"))).toMatchObject({
    format: 1,
    wifi: [{ ssid: "a", security: "wpa3", passphrase: "correct horse" }],
    volume: 40,
  });
  expect(fs.existsSync(path.join(file!.parentPath, "os.json"))).toBe(true);
});

test("what belongs to a base that cannot be believed is not guessed", () => {
  stick("drift", ...BASE);
  fs.rmSync(path.join(live(), "../manifest.json"));
  const refused = stick("--take-off");
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toMatch(/^os: The base on this stick is damaged, .* put it there again first/);
  expect(stick("drift", ...BASE).status).toBe(0);
  expect(stick("--take-off")).toMatchObject({ status: 0 });
  expect(filesIn(folder)).toEqual([]);
});

test.each([
  [
    "a byte that is another one",
    () => fs.writeFileSync(live(), fs.readFileSync(live()).fill(7, 5000, 5001)),
    /live.img is damaged/,
  ],
  ["a file cut off", () => fs.truncateSync(live(), 1000), /live.img has 1000 bytes instead of/],
  ["a file that is gone", () => fs.rmSync(live()), /live.img is missing/],
  [
    "another stick.cfg",
    () => fs.writeFileSync(path.join(folder, "fedac/stick.cfg"), "halt\n"),
    /stick.cfg is missing or is not ours/,
  ],
  [
    "a manifest that nobody signed",
    () => fs.writeFileSync(path.join(live(), "../manifest.json"), json.replace("test-os", "evil-os")),
    /has no manifest that is signed/,
  ],
])("%s is found, and the same command with --repair mends it", (_, damage, said) => {
  stick("drift", ...BASE);
  damage();
  const found = stick("--check");
  expect(found.status).toBe(1);
  expect(found.stdout).toMatch(said);
  expect(stick("drift", "--repair", ...BASE).status).toBe(0);
  expect(stick("--check")).toMatchObject({ status: 0 });
});

test("a base that is whole by its sizes is not read again for another piece", () => {
  stick("drift", ...BASE);
  fs.writeFileSync(live(), fs.readFileSync(live()).fill(7, 5000, 5001));
  expect(stick("line", ...BASE).status).toBe(0);
  expect(stick("--check").stdout).toContain("live.img is damaged");
});

test("a base that has no files is refused before its piece is fetched", async () => {
  const arm = { ...manifest, arch: "aarch64", files: [] };
  await using server = await serve(files({ "/manifest.json": arm }));
  const args = ["--manifest", `${server.url}/manifest.json`, "--arch", "arm", "--oven", server.url];
  const refused = await osAsync("stick", folder, ...WITH, "drift", ...args);
  expect(refused).toEqual({
    status: 1,
    stdout: "",
    stderr: "os: This base cannot be put onto a stick as files; only its image can be written to one.\n",
  });
  expect(server.requests).toEqual(["GET /manifest.json", "GET /manifest.json.minisig"]);
  expect(filesIn(folder)).toEqual([]);
});

test("a folder that no computer starts from is refused, and so is what is none", () => {
  const onDisk = os("stick", folder, "drift", ...BASE);
  expect(onDisk.status).toBe(1);
  expect(onDisk.stderr).toContain("is not on a FAT file system");
  expect(os("stick", page).stderr).toContain("is not a folder");
  expect(os("stick", path.join(root, "nowhere")).stderr).toContain("there is no such file or folder");
  expect(os("stick").status).toBe(2);
  expect(stick("--check", "--take-off").status).toBe(2);
  expect(filesIn(folder)).toEqual([]);
});
