import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";

import { DIR_ENTRY } from "../src/ext4/fields.ts";
import { pattern } from "../src/testing/bytes.ts";
import { Forgery } from "../src/testing/forge.ts";
import { osIn, type Ran } from "../src/testing/os.ts";
import { serve } from "../src/testing/range-server.ts";
import { testBase } from "../src/testing/test-base.ts";
import { testKey } from "../src/testing/sign.ts";
import { plan, type Entry } from "../src/ext4/filesystem.ts";
import { run } from "../src/testing/tools.ts";
import { printable } from "./terminal.ts";

const folder = mkdtempSync(path.join(tmpdir(), "os-terminal-"));
afterAll(() => rmSync(folder, { recursive: true }));
const { command, os, osAsync } = osIn(folder);

/** Sets a window's title, turns red, moves up and clears; C1's CSI; text that runs backwards; a line of its own. */
const EVIL =
  "\x1b]0;owned\x07\x1b[31m\x1b[A\x1b[2K\x9b1m\u202egnp.exe\u2066\u2028\x85\x7f\x00os: all is well";
/** The same without what no name or argument can have. */
const NAME = EVIL.replace("\x00", "");
/** All that a terminal would obey, but for the end of a line. */
const OBEYED = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function expectPlain({ status, stdout, stderr }: Ran, lines = 1): void {
  expect(`${stdout}${stderr}`).not.toMatch(OBEYED);
  expect(status).not.toBeNull();
  if (status !== 0) expect(stderr.split("\n").length - 1).toBe(lines);
}

test.each([
  ["\x1b[31m", "?[31m"],
  ["a\nb\tc\rd", "a?b?c?d"],
  ["\x9b\x85\x7f", "???"],
  ["\u202a\u202e\u2066\u2069\u200f\u061c", "??????"],
  ["\u2028\u2029\ufeff\u00ad\u{e0041}", "?????"],
  ["\ud800x\udc80", "?x?"],
  ["é 漢字 😀 👩‍🚀 עברית \u0645\u06cc\u200c\u062e ✓", "é 漢字 😀 👩‍🚀 עברית \u0645\u06cc\u200c\u062e ✓"],
])("%j is shown as %j", (text, shown) => expect(printable(text)).toBe(shown));

test("all that the command line says goes through the filter", () => {
  const others = readdirSync(import.meta.dirname).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "terminal.ts",
  );
  expect(others.length).toBeGreaterThan(8);
  for (const name of others) {
    const text = readFileSync(path.join(import.meta.dirname, name), "utf8");
    expect(text, name).not.toMatch(/\bconsole\.|\bprocess\.std(?:out|err)\b/);
  }
});

test("arguments", async () => {
  const some = ["--manifest", "m", "--bundle", "b"];
  const lines = [
    [NAME],
    ["help", NAME],
    ["build", NAME],
    ["build", "x", `--${NAME}`],
    ["build", "x", "--manifest", NAME],
    ["build", "x", "--manifest", `http://${NAME}`],
    ["build", "x", ...some, "--patience", NAME],
    ["inspect", NAME],
    ["inspect", "a", NAME],
    ["mkfs", "--out", "i", "--size", NAME, "."],
    ["mkfs", "--out", "i", "--size", "20M", "--time", NAME, "."],
    ["mkfs", "--out", "i", "--size", "20M", "--uuid", NAME, "."],
    ["mkfs", "--out", "i", "--size", "20M", "--label", NAME, "."],
    ["mkfs", "--out", "i", "--size", "20M", NAME],
    ["mkfs", "--out", `no/${NAME}`, "--size", "20M", "."],
    ["doctor", NAME],
    ["doctor", "http://127.0.0.1:1", "--piece", NAME],
  ];
  const all = await Promise.all(lines.map((args) => osAsync(...args)));
  for (const result of all) expectPlain(result);
}, 120_000);

test("names of files", async () => {
  const tree = path.join(folder, "tree");
  mkdirSync(tree);
  const socket = createServer().listen(path.join(tree, NAME.slice(0, 20)));
  await new Promise((ready) => socket.once("listening", ready));
  expectPlain(os("mkfs", "--out", "i", "--size", "20M", "tree"));
  socket.close();

  writeFileSync(path.join(folder, NAME), "x");
  expectPlain(os("inspect", NAME));
  const made = os("mkfs", "--out", `${NAME}.img`, "--size", "20M", "tree");
  expect(made).toMatchObject({ status: 0, stderr: "" });
  expectPlain(made);
});

test("images: labels, os.json, names of files, and errors about them", async () => {
  const { image, manifest } = await testBase();
  const { start, length } = manifest.piecePartition;
  const html = new TextEncoder().encode("<!doctype html><script>1</script>");
  const json = JSON.stringify({ piece: EVIL, base: [EVIL], sha256: EVIL });
  const entries: Entry[] = [
    { path: "piece.html", content: html },
    { path: "os.json", content: new TextEncoder().encode(json) },
    { path: NAME.replaceAll("/", ""), content: pattern(1) },
    { kind: "directory", path: `d${NAME}` },
    { kind: "directory", path: "zz" },
  ];
  const planned = plan(entries, {
    size: length,
    uuid: "3f1c9a52-7b1e-4c1d-9d53-0a4b8e6f2c71",
    time: 1_750_000_000,
  });
  const forgery = new Forgery(planned);
  const file = path.join(folder, "evil.iso");
  const write = () => {
    const bytes = image.slice();
    bytes.set(forgery.bytes, start);
    writeFileSync(file, bytes);
    run("sgdisk", `--change-name=1:\u001b[31m\u202e`, file);
  };
  write();
  const shown = os("inspect", "evil.iso");
  expect(shown).toMatchObject({ status: 0, stderr: "" });
  expect(shown.stdout).toContain("owned");
  expectPlain(shown);

  // The directory is there a second time: the error says its name.
  const root = forgery.plan.order.find(({ node }) => node?.path === "/")!;
  const names = root.runs[0]!.start * 1024;
  const at = Buffer.from(forgery.bytes.buffer, names, 1024).indexOf("zz") - 8;
  forgery.set(DIR_ENTRY.inode, forgery.inode(`d${NAME}`).number, names + at);
  forgery.seal();
  write();
  const refused = os("inspect", "evil.iso");
  expect(refused).toMatchObject({ status: 1 });
  expect(refused.stderr).toContain("owned");
  expectPlain(refused);
});

test("servers: lists, manifests, signatures, ovens, redirections", async () => {
  const listed = (more: object) => ({
    format: 1,
    releases: [
      {
        version: "2026.1.1",
        flavor: "tiny",
        arch: "x86_64",
        created: "2026-01-01T00:00:00.000Z",
        manifest: "m",
        ...more,
      },
    ],
  });
  const { manifest, image } = await testBase();
  const answers: Record<string, string> = {
    "/flavor/latest.json": JSON.stringify(listed({ flavor: `tiny${EVIL}` })),
    "/format/latest.json": JSON.stringify({ format: EVIL, releases: [] }),
    "/version/latest.json": JSON.stringify(listed({ version: `2026.1.1${EVIL}` })),
    "/address/latest.json": JSON.stringify(listed({ manifest: `http://[${EVIL}` })),
    "/manifest/latest.json": JSON.stringify({ ...manifest, name: EVIL, version: EVIL }),
    "/comment/latest.json": JSON.stringify(manifest),
    "/comment/latest.json.minisig": testKey()
      .sign(JSON.stringify(manifest), { trustedComment: "x" })
      .replace("untrusted comment: ", `untrusted comment: ${EVIL}`),
    "/text/latest.json": EVIL,
    "/pack-html": JSON.stringify({ error: `not found${EVIL}` }),
  };
  await using server = await serve((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://any");
    if (pathname === "/redirect/latest.json") {
      response.writeHead(302, { Location: `http://127.0.0.1:1/${encodeURIComponent(EVIL)}` }).end();
      return;
    }
    const answer = answers[pathname];
    const status = pathname === "/pack-html" ? 500 : answer === undefined ? 404 : 200;
    response.writeHead(status, pathname === "/text/latest.json" ? "Bad \x80\x9b" : "OK").end(answer ?? EVIL);
  });
  writeFileSync(
    path.join(folder, "manifest.json"),
    JSON.stringify({ ...manifest, image: { ...manifest.image, url: "base.img" } }),
  );
  writeFileSync(path.join(folder, "base.img"), image);
  writeFileSync(path.join(folder, "page.html"), "<!doctype html><script>1</script>");
  const key = ["--key", testKey(7).publicKey, "--bundle", "page.html", "--patience", "1"];
  const names = [...Object.keys(answers), "/redirect/latest.json", "/none/latest.json"];
  const lists = names.filter((name) => name.endsWith(".json"));
  const results = await Promise.all([
    ...lists.map((name) =>
      osAsync("build", "x", "--manifest", `${server.url}${name}`, ...key, "--flavor", "none"),
    ),
    osAsync("build", "x", "--manifest", "manifest.json", "--oven", server.url, "--patience", "1"),
    osAsync("doctor", server.url),
  ]);
  for (const { status, stdout, stderr } of results) {
    expect(status).toBe(1);
    expectPlain({ status, stdout, stderr });
  }
}, 120_000);

test("what nobody foresaw is filtered line by line", () => {
  const script = `import { fail } from ${JSON.stringify(path.join(import.meta.dirname, "errors.ts"))};
    fail(new TypeError(${JSON.stringify(EVIL)}, { cause: new Error(${JSON.stringify(EVIL)}) }));`;
  const [node = "", ...rest] = command.slice(0, -1);
  const { status, stdout, stderr } = spawnSync(node, [...rest, "--input-type=module", "--eval", script], {
    encoding: "utf8",
  });
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(/\n +at /);
  expect(stderr).not.toMatch(OBEYED);
});
