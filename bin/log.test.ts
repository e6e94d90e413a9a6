import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Entry } from "../src/ext4/filesystem.ts";
import { imageOf, options } from "../src/ext4/testing.ts";
import { blankFiles } from "../src/image/blank-files.ts";
import { BLANK_LINE } from "../src/settings/settings.ts";
import { osIn } from "../src/testing/os.ts";
import { testBase } from "../src/testing/test-base.ts";

const root = mkdtempSync(path.join(tmpdir(), "os-log-"));
afterAll(() => rmSync(root, { recursive: true }));
const { os } = osIn(root);
const at = (name: string) => path.join(root, name);
const text = (words: string) => new TextEncoder().encode(words);

const { manifest, image } = await testBase();
const { start, length } = manifest.piecePartition;
const NOW = "[    1.2] kernel: \u001b[2J\u202ehostile\tend\n[    9.0] kiosk: the page has crashed\n";
const BEFORE = "[    0.1] kernel: the start before\n";

/** A piece partition with these files, alone and in an image. */
async function write(name: string, entries: Entry[]): Promise<void> {
  const all: Entry[] = [{ path: "os.json", content: text("{}") }, ...entries];
  const piece = readFileSync(await imageOf(all, options(length)));
  writeFileSync(at(`${name}-piece.img`), piece);
  const whole = image.slice();
  whole.set(piece, start);
  writeFileSync(at(`${name}.iso`), whole);
}

const SHOWN = [
  "== kiosk.log.1",
  "[    0.1] kernel: the start before",
  "== kiosk.log",
  "[    1.2] kernel: ?[2J?hostile    end",
  "[    9.0] kiosk: the page has crashed",
  "",
].join("\n");

test("the logs of an image and of its piece partition, the older one first, and nothing that a terminal obeys", async () => {
  await write("kept", [
    { path: "kiosk.log", content: text(NOW + BLANK_LINE.repeat(9)) },
    { path: "kiosk.log.1", content: text(BEFORE) },
  ]);
  for (const file of ["kept.iso", "kept-piece.img"])
    expect(os("log", file)).toMatchObject({ status: 0, stdout: SHOWN, stderr: "" });
});

test("the logs of a stick with files, by piece", () => {
  for (const [folder, files] of [
    ["line-11", { "kiosk.log": NOW, "kiosk.log.1": BEFORE }],
    ["frog-22", { "kiosk.log": "croaks" }],
    ["none-33", { "os.json": "{}" }],
  ] as const) {
    mkdirSync(at(`stick/fedac/pieces/${folder}`), { recursive: true });
    for (const [name, words] of Object.entries(files))
      writeFileSync(at(`stick/fedac/pieces/${folder}/${name}`), words);
  }
  const { status, stdout } = os("log", "stick");
  expect([status, stdout]).toEqual([
    0,
    `== frog-22/kiosk.log\ncroaks\n${SHOWN.replaceAll("== ", "== line-11/")}`,
  ]);
});

test("where there is no log, or none that can be one, a sentence says so", async () => {
  await write("fresh", blankFiles([]));
  await write("older", []);
  await write("long", [{ path: "kiosk.log", content: new Uint8Array(1024 * 1024 + 1) }]);
  await write("link", [{ kind: "symlink", path: "kiosk.log", target: "/etc/passwd" }]);
  writeFileSync(at("base.img"), image);
  writeFileSync(at("text"), "text");
  mkdirSync(at("folder"));
  const none =
    "has no log: the kiosk keeps one from two minutes after its start on, unless it is on a disc or came over a network; tiny keeps none";
  for (const [file, sentence] of [
    ["fresh.iso", `fresh.iso ${none}`],
    ["older.iso", `older.iso ${none}`],
    ["base.img", `base.img ${none}`],
    ["long.iso", "long.iso: kiosk.log has 1048577 bytes, and 1048576 are the most that are taken"],
    ["link.iso", "link.iso: "],
    ["text", "text: "],
    ["folder", "folder is no stick of ours: /fedac/pieces cannot be read ("],
    ["nothing", "nothing cannot be read: "],
  ] as const) {
    const { status, stdout, stderr } = os("log", file);
    expect([file, status, stdout]).toEqual([file, 1, ""]);
    expect(stderr).toMatch(/^os: [^\n]+\n$/);
    expect(stderr).toContain(sentence);
  }
  expect(os("log")).toMatchObject({ status: 2, stdout: "" });
});
