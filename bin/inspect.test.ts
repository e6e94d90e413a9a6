import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { INODE } from "../src/ext4/fields.ts";
import { plan, type Entry } from "../src/ext4/filesystem.ts";
import type { Bytes } from "../src/ext4/segment.ts";
import { mountTest } from "../src/ext4/testing.ts";
import { pattern } from "../src/testing/bytes.ts";
import { Forgery } from "../src/testing/forge.ts";
import { osIn } from "../src/testing/os.ts";
import { testBase } from "../src/testing/test-base.ts";
import { run } from "../src/testing/tools.ts";

const root = mkdtempSync(path.join(tmpdir(), "os-inspect-"));
afterAll(() => rmSync(root, { recursive: true }));
const { os, osAsync } = osIn(root);
const at = (name: string) => path.join(root, name);

const { manifest, image } = await testBase();
const { start, length } = manifest.piecePartition;
writeFileSync(at("manifest.json"), JSON.stringify(manifest));
writeFileSync(at("base.img"), image);
writeFileSync(at("page.html"), "<!doctype html><script>1</script>");
const BUILD = ["build", "x", "--manifest", "manifest.json", "--bundle", "page.html"];
expect(os(...BUILD, "--out", "good.iso")).toMatchObject({ status: 0, stderr: "" });

const html = new TextEncoder().encode("<!doctype html><script>1</script>");
const entries: Entry[] = [
  { path: "piece.html", content: html },
  { path: "os.json", content: new TextEncoder().encode("{}") },
  { path: "nodes", content: pattern(8 * 1024) },
];
const planned = plan(entries, {
  size: length,
  uuid: "3f1c9a52-7b1e-4c1d-9d53-0a4b8e6f2c71",
  time: 1_750_000_000,
});

/** An image whose piece partition `change` has been at, with right checksums. */
function forged(name: string, change: (piece: Forgery) => void): string {
  const piece = new Forgery(planned);
  change(piece);
  return imageWith(name, piece.seal().bytes);
}

function imageWith(name: string, piece: Bytes): string {
  const bytes = image.slice();
  bytes.set(piece, start);
  writeFileSync(at(name), bytes);
  return name;
}

test("what is no file is refused at once, wherever a path is taken", async () => {
  run("mkfifo", at("pipe"), at("page.html.pipe"), at("manifest.json.minisig"));
  mkdirSync(at("folder"));
  const socket = createServer().listen(at("socket"));
  await new Promise((ready) => socket.once("listening", ready));
  writeFileSync(at("piped.json"), JSON.stringify({ ...manifest, image: { ...manifest.image, url: "pipe" } }));
  const others: [string, string][] = [
    ["pipe", "is not a file: it is a pipe"],
    ["/dev/zero", "is not a file: it is a device without an end"],
    ["socket", "is not a file: it is a socket"],
    ["folder", "is not a file: it is a folder"],
  ];
  const key = ["--key", "RWQBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"];
  const cases: [string[], string][] = [
    ...others.flatMap(([file, what]): [string[], string][] => [
      [["inspect", file], `${file} ${what}`],
      [["build", "x", "--manifest", file], `${file} ${what}`],
      [["build", "x", "--manifest", "manifest.json", "--bundle", file], `${file} ${what}`],
      [[...BUILD, "--splash", file], `${file} ${what}`],
    ]),
    [["build", "x", "--manifest", "piped.json", "--bundle", "page.html"], "pipe is not a file: it is a pipe"],
    [[...BUILD, ...key], "manifest.json.minisig is not a file: it is a pipe"],
    ...["pipe", "/dev/zero", "socket", "page.html"].map((file): [string[], string] => [
      ["mkfs", "--out", "i", "--size", "20M", file],
      `${file} is not a folder`,
    ]),
    ...["pipe", "/dev/zero", "socket", "folder"].map((file): [string[], string] => [
      [...BUILD, "--out", file],
      `${file} is there, and is not a file`,
    ]),
  ];
  const results = await Promise.all(cases.map(([args]) => osAsync(...args)));
  socket.close();
  cases.forEach(([args, message], i) => {
    expect(results[i], args.join(" ")).toMatchObject({ status: 1, stdout: "" });
    expect(results[i]!.stderr).toMatch(/^os: [^\n]+\n$/);
    expect(results[i]!.stderr).toContain(message);
  });
}, 300_000);

test("cut off, longer, damaged, empty, and no image at all are told apart", async () => {
  writeFileSync(at("empty.iso"), "");
  copyFileSync(at("good.iso"), at("cut.iso"));
  truncateSync(at("cut.iso"), image.length - 1);
  copyFileSync(at("good.iso"), at("stick.iso"));
  truncateSync(at("stick.iso"), image.length + 7_000_000);
  const damaged = (name: string, byte: number) => {
    const bytes = image.slice();
    bytes[byte]! ^= 1;
    writeFileSync(at(name), bytes);
    return name;
  };
  const cases: [string, RegExp][] = [
    ["empty.iso", /^os: empty\.iso is empty\n$/],
    ["cut.iso", /^os: cut\.iso is cut off: it has 26214399 of the 26214400 bytes of its image\n$/],
    ["page.html", /^os: page\.html: no partition table\n$/],
    [damaged("header.iso", 512 + 0x40), /^os: header\.iso: partition table: header does not match/],
    [damaged("entry.iso", 1024 + 130), /^os: entry\.iso: partition entries do not match/],
    [damaged("backup.iso", image.length - 512 + 0x40), /^os: backup\.iso: backup partition table: header/],
    [imageWith("rubbish.iso", pattern(length)), /^os: rubbish\.iso: no ext4 file system/],
  ];
  const results = await Promise.all(cases.map(([file]) => osAsync("inspect", file)));
  cases.forEach(([, message], i) => {
    expect(results[i]).toMatchObject({ status: 1 });
    expect(results[i]!.stderr).toMatch(message);
  });
  const stick = os("inspect", "stick.iso");
  expect(stick).toMatchObject({ status: 0, stderr: "" });
  expect(stick.stdout).toMatch(
    /^image\s+26214400 bytes, and 7000000 more follow: a stick, or a copy of one$/m,
  );
  expect(stick.stdout).toMatch(/^name\s+x$/m);
  expect(os("inspect", "good.iso").stdout).toMatch(/^image\s+26214400 bytes$/m);
}, 120_000);

mountTest("a disk is read, and only read", () => {
  copyFileSync(at("good.iso"), at("disk.iso"));
  truncateSync(at("disk.iso"), 32 * 2 ** 20);
  const disk = run("losetup", "--find", "--show", "--read-only", at("disk.iso")).trim();
  try {
    const { status, stdout, stderr } = os("inspect", disk);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^image\s+26214400 bytes, and 7340032 more follow/m);
  } finally {
    run("losetup", "--detach", disk);
  }
});

test("sizes that are not there take neither time nor memory", async () => {
  const names = [
    forged("sparse.iso", (piece) => piece.set(INODE.i_size_high, 0x100, piece.inode("piece.html").offset)),
    forged("sparse-json.iso", (piece) => piece.set(INODE.i_size_lo, 2 ** 31, piece.inode("os.json").offset)),
    forged("loop.iso", (piece) => {
      const { number } = piece.inode("piece.html");
      const [{ start: first } = { start: 0 }] = piece.inode("nodes").runs;
      const all = (to: number) => Array.from({ length: 80 }, () => ({ logical: 0, start: to }));
      piece.writeNode(number, 0, 5, all(first).slice(0, 4));
      for (let depth = 4; depth > 0; depth--)
        piece.writeNode(number, first + 4 - depth, depth, all(first + 5 - depth));
      piece.writeNode(
        number,
        first + 4,
        0,
        all(first).map((each) => ({ ...each, count: 1 })),
      );
    }),
  ];
  const results = await Promise.all(names.map((name) => osAsync("inspect", name)));
  expect(results.map(({ status }) => status)).toEqual([1, 1, 1]);
  expect(results.map(({ stderr }) => stderr.replace(/^os: [\w-]+\.iso: /, ""))).toEqual([
    expect.stringMatching(/^piece\.html has 1099511627809 bytes, more than its partition/),
    expect.stringMatching(/^os\.json has 2147483648 bytes/),
    expect.stringMatching(/^an extent tree whose entries overlap/),
  ]);
});

test("os.json that is no object, and many files", () => {
  const many = Array.from({ length: 300 }, (_, i): Entry => ({ path: `f${i}`, content: pattern(1) }));
  for (const json of ["null", "[]", "1"]) {
    const of = plan(
      [
        { path: "piece.html", content: html },
        { path: "os.json", content: new TextEncoder().encode(json) },
        ...many,
      ],
      {
        size: length,
        uuid: "3f1c9a52-7b1e-4c1d-9d53-0a4b8e6f2c71",
        time: 1_750_000_000,
      },
    );
    const { status, stdout } = os("inspect", imageWith("odd.iso", new Forgery(of).bytes));
    expect(status).toBe(0);
    expect(stdout).toMatch(/^name\s+not said$/m);
    expect(stdout).toMatch(/, and 202 more$/m);
  }
});
