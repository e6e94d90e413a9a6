import { spawnSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Bytes } from "../src/bytes/segment.ts";
import { SaveError } from "../src/errors.ts";
import { mountTest } from "../src/ext4/testing.ts";
import { WINDOW } from "../src/release/manifest.ts";
import { joined, pattern } from "../src/testing/bytes.ts";
import { osIn } from "../src/testing/os.ts";
import { files, serve } from "../src/testing/range-server.ts";
import { testKey } from "../src/testing/sign.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";
import { run } from "../src/testing/tools.ts";
import { writeWhole } from "./output.ts";

const root = mkdtempSync(path.join(tmpdir(), "os-output-"));
afterAll(() => rmSync(root, { recursive: true }));
const { manifest, image } = await testBase();
writeFileSync(path.join(root, "manifest.json"), JSON.stringify(manifest));
writeFileSync(path.join(root, "base.img"), image);
writeFileSync(path.join(root, "page.html"), "<!doctype html><script>1</script>");
mkdirSync(path.join(root, "tree"));
writeFileSync(path.join(root, "tree", "f"), pattern(1000));
const MKFS = ["mkfs", "--size", "20M", "../tree", "--out"];

let folder = root;
let { os, command, start } = osIn(root);
beforeEach(() => {
  folder = mkdtempSync(path.join(root, "run-"));
  ({ os, command, start } = osIn(folder));
});
const at = (name: string) => path.join(folder, name);

async function* chunks(...all: (Bytes | number)[]): AsyncGenerator<Bytes | number> {
  yield* all;
}

describe("zeros", () => {
  test.each([
    ["none", [pattern(10_000)]],
    ["a block within", [joined([pattern(4096), new Uint8Array(4096), pattern(4096)])]],
    ["not on a block's edge", [pattern(1000), new Uint8Array(9000), pattern(10)]],
    ["in many chunks", Array.from({ length: 20 }, (_, i) => (i % 3 ? new Uint8Array(777) : pattern(777)))],
    ["at the end", [pattern(1), new Uint8Array(100_000)]],
    ["only", [new Uint8Array(5000)]],
    ["as a number", [pattern(1), 100_000, pattern(2), 5]],
    ["nothing", []],
  ] as [string, (Bytes | number)[]][])("%s", async (_, parts) => {
    await writeWhole(at("out"), chunks(...parts));
    const bytes = parts.map((part) => (typeof part === "number" ? new Uint8Array(part) : part));
    expect(readFileSync(at("out")).equals(Buffer.concat(bytes))).toBe(true);
    expect(readdirSync(folder)).toEqual(["out"]);
  });

  test("become holes", async () => {
    await writeWhole(at("out"), chunks(pattern(4096), new Uint8Array(8 * 2 ** 20), 2 ** 20, pattern(1)));
    expect(statSync(at("out")).blocks * 512).toBeLessThan(64 * 1024);
    const { status } = os(
      "build",
      "x",
      "--manifest",
      "../manifest.json",
      "--bundle",
      "../page.html",
      "--out",
      "i",
    );
    expect(status).toBe(0);
    expect(statSync(at("i")).size).toBe(image.length);
    expect(statSync(at("i")).blocks * 512).toBeLessThan(image.length / 2); // two windows of seven have other bytes
  });
});

describe("what is there already", () => {
  test("a link, or a link to one, is written through", async () => {
    mkdirSync(at("d"));
    writeFileSync(at("d/real"), "old", { mode: 0o600 });
    symlinkSync("d/real", at("middle"));
    symlinkSync("middle", at("first"));
    await writeWhole(at("first"), chunks(pattern(5)));
    expect([readlinkSync(at("first")), readlinkSync(at("middle"))]).toEqual(["middle", "d/real"]);
    expect(readFileSync(at("d/real")).equals(pattern(5))).toBe(true);
    expect(statSync(at("d/real")).mode & 0o777).toBe(0o600);
    expect(readdirSync(at("d"))).toEqual(["real"]);
  });

  test("a link to nothing makes what it leads to; bytes that are not UTF-8 lead there too", async () => {
    symlinkSync(Buffer.from("caf\xe9", "latin1"), at("link"));
    await writeWhole(at("link"), chunks(pattern(5)));
    const names = readdirSync(folder, { encoding: "latin1" });
    expect(names.toSorted()).toEqual(["caf\xe9", "link"]);
  });

  test("links in a circle are refused", async () => {
    symlinkSync("b", at("a"));
    symlinkSync("a", at("b"));
    await expect(writeWhole(at("a"), chunks(pattern(5)))).rejects.toThrow(/symbolic links lead in a circle/);
  });

  test("a file keeps its mode, and its other names keep what they had", async () => {
    writeFileSync(at("a"), "old", { mode: 0o600 });
    linkSync(at("a"), at("b"));
    await writeWhole(at("a"), chunks(pattern(5)));
    expect(statSync(at("a")).mode & 0o777).toBe(0o600);
    expect(readFileSync(at("b"), "utf8")).toBe("old");
    await writeWhole(at("new"), chunks(pattern(5)));
    expect(statSync(at("new")).mode & 0o777).toBe(0o666 & ~process.umask());
  });

  test("what fails on the way leaves it as it was", async () => {
    writeFileSync(at("a"), "old");
    async function* failing() {
      yield pattern(10);
      throw new TypeError("lost");
    }
    await expect(writeWhole(at("a"), failing())).rejects.toThrow(TypeError);
    expect(readFileSync(at("a"), "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(["a"]);
  });
});

describe("names", () => {
  test.each([1, 240, 250, 254, 255])("of %i bytes", async (length) => {
    await writeWhole(at("n".repeat(length)), chunks(pattern(5)));
    await writeWhole(at("é".repeat(Math.floor(length / 2)) || "x"), chunks(pattern(5)));
    expect(readdirSync(folder)).toHaveLength(2);
  });

  test("that are too long say so", async () => {
    const error = await writeWhole(at("n".repeat(256)), chunks(pattern(5))).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(SaveError);
    expect((error as Error).message).toMatch(/cannot be written: its name is too long$/);
  });
});

mountTest("a disk that is read-only or full is told in words", () => {
  mkdirSync(at("m"));
  run("mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", at("m"));
  try {
    writeFileSync(path.join(folder, "big"), pattern(9_000_000));
    mkdirSync(at("t"));
    run("mv", at("big"), at("t/big"));
    const full = os("mkfs", "--size", "20M", "t", "--out", "m/i");
    expect(full).toMatchObject({ status: 1, stderr: "os: m/i cannot be written: the disk is full.\n" });
    expect(readdirSync(at("m"))).toEqual([]);
    writeFileSync(at("m/old"), "old");
    run("mount", "-o", "remount,ro", at("m"));
    for (const name of ["m/i", "m/old"]) {
      expect(os(...MKFS, name)).toMatchObject({
        status: 1,
        stderr: `os: ${name} cannot be written: the file system there is read-only.\n`,
      });
    }
  } finally {
    run("umount", at("m"));
  }
});

describe("the end", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s leaves no file, of mkfs and of build",
    async (signal) => {
      // A content that never ends to be read: a file in a tree as large as its image is written for a while.
      mkdirSync(at("t"));
      writeFileSync(at("t/f"), pattern(2 ** 20));
      for (let i = 0; i < 6; i++)
        run("bash", "-c", `cat ${at("t/f")} ${at("t/f")} > ${at("x")} && mv ${at("x")} ${at("t/f")}`);
      for (let i = 0; i < 12; i++) run("cp", "--reflink=auto", at("t/f"), at(`t/f${i}`));
      const mkfs = start("mkfs", "--size", "2G", "t", "--out", "i");
      await expect.poll(() => readdirSync(folder), { timeout: 60_000, interval: 5 }).toHaveLength(2);
      mkfs.process.kill(signal);
      expect(await mkfs.ended).toEqual({ status: 1, stdout: "", stderr: "os: The mkfs was cancelled.\n" });
      expect(readdirSync(folder)).toEqual(["t"]);
      rmSync(at("t"), { recursive: true });

      await using server = await serve((request, response) => {
        if (request.headers.range?.startsWith(`bytes=${3 * WINDOW}`)) response.writeHead(206).write("slow");
        else files({ "/manifest.json": manifest, "/base.img": image })(request, response);
      });
      const args = [
        "--manifest",
        `${server.url}/manifest.json`,
        "--bundle",
        "../page.html",
        "--key",
        testKey().publicKey,
      ];
      const build = start("build", "x", ...args, "--out", "x.iso");
      await expect.poll(() => readdirSync(folder), { timeout: 60_000 }).not.toEqual([]);
      build.process.kill(signal);
      expect(await build.ended).toEqual({ status: 1, stdout: "", stderr: "os: The build was cancelled.\n" });
      expect(readdirSync(folder)).toEqual([]);
    },
    180_000,
  );

  /** Run in a shell, where `os` is the command line. */
  const shell = (script: string) => {
    const line = command.map((word) => `'${word}'`).join(" ");
    const { status, stdout, stderr } = spawnSync("bash", ["-c", `os() { ${line} "$@"; }; ${script}`], {
      cwd: folder,
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };

  test("a reader that has had enough ends it quietly", () => {
    writeFileSync(at("copy.iso"), image);
    for (const args of ["inspect copy.iso", "help", `${MKFS.join(" ")} i`]) {
      expect(shell(`os ${args} | true; exit "\${PIPESTATUS[0]}"`)).toEqual({
        status: 141,
        stdout: "",
        stderr: "",
      });
    }
    expect(existsSync(at("i"))).toBe(true);
    expect(shell(`os inspect nowhere 2>&1 >/dev/null | true; exit "\${PIPESTATUS[0]}"`)).toMatchObject({
      status: 1,
    });
  });

  test("an output that cannot be written ends it with a sentence", () => {
    writeFileSync(at("copy.iso"), image);
    for (const args of ["inspect copy.iso", "help", `${MKFS.join(" ")} i`]) {
      expect(shell(`os ${args} > /dev/full`)).toEqual({
        status: 1,
        stdout: "",
        stderr: "os: Standard output cannot be written: the disk is full\n",
      });
    }
    expect(shell("os inspect nowhere 2> /dev/full")).toMatchObject({ status: 1, stdout: "" });
    expect(shell("os frob 2>&-")).toMatchObject({ status: 2, stdout: "" });
  });
});

test("advice is for a terminal, and none for files that are here", async () => {
  const cut = path.join(root, "cut.img");
  writeFileSync(cut, image);
  truncateSync(cut, 2 * WINDOW);
  const its = { ...manifest, image: { ...manifest.image, url: "cut.img" } };
  writeFileSync(path.join(root, "cut.json"), JSON.stringify(its));
  writeFileSync(path.join(root, "odd.json"), JSON.stringify({ ...manifest, format: 9 }));
  const page = ["--bundle", "../page.html"];
  const cases: [string[], RegExp][] = [
    [[...MKFS, "no/i"], /^os: no\/i cannot be written: there is no such file or folder\.\n$/],
    [
      ["build", "x", ...page, "--manifest", "no.json"],
      /^os: no\.json cannot be read: there is no such file or folder\n$/,
    ],
    [["build", "x", ...page, "--manifest", "../odd.json"], /format 9, and this page knows format 1\n$/],
    [
      ["build", "x", ...page, "--manifest", "../cut.json"],
      /cut\.img cannot be read: it ends before byte 12582912\n$/,
    ],
    [
      ["build", "x", "--bundle", "../manifest.json", "--manifest", "../manifest.json"],
      /is not an HTML page\n$/,
    ],
    [["build", "$"], /'\$cow'/],
  ];
  for (const [args, message] of cases) {
    const { status, stderr } = os(...args);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/private window|later|not fetched again|reload/i);
  }
  expect(sha256Of(image)).toBe(manifest.image.sha256);
});
