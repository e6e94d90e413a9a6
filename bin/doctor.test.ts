import type { RequestListener, ServerResponse } from "node:http";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundlePiece } from "../dev/ship-piece.ts";
import { WINDOW } from "../src/release/manifest.ts";
import { pattern } from "../src/testing/bytes.ts";
import { testBase } from "../src/testing/test-base.ts";
import { files, serve, type TestServer } from "../src/testing/range-server.ts";
import { signLatest, testKey } from "../src/testing/sign.ts";
import { examine } from "./doctor.ts";

const { manifest, image } = await testBase();
const root = path.resolve(import.meta.dirname, "..");
const shipped = (file: string) => readFileSync(path.join(root, file), "utf8");
const OS = "/aesthetic.computer/os";
const PIECE = "/aesthetic.computer/disks/os.mjs";
const IMAGE = "/test-1/base.img";
const { code: piece } = await bundlePiece("0123456789ab");
const html = "<!doctype html><script>1</script>";
const [{ version, flavor, arch, created }, { publicKey }] = [manifest, testKey()];
const release = { version, flavor, arch, created, manifest: "test-1/manifest.json" };
const forArm = { ...release, arch: "aarch64", manifest: "test-arm-1/manifest.json" };
const parts = files({
  "/latest.json": { releases: [release, forArm], until: days(28) },
  "/test-1/manifest.json": manifest,
  "/test-arm-1/manifest.json": { ...manifest, arch: "aarch64" },
  "/test-arm-1/base.img": image,
  [IMAGE]: image,
  "/pack-html": html,
});

function days(number: number): string {
  return new Date(Date.now() + number * 24 * 60 * 60 * 1000).toISOString();
}

let server: TestServer;
/** What is wrong with the server in a test, by path. */
let wrong: Record<string, RequestListener> = {};
beforeAll(async () => {
  server = await serve((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://any");
    const changes = /latest\.json|minisig$/.test(pathname);
    response.setHeader(
      "Cache-Control",
      changes ? "public, max-age=60" : "public, max-age=31536000, immutable",
    );
    response.setHeader("Access-Control-Expose-Headers", "Content-Range, Content-Length, ETag, Retry-After");
    if (pathname === IMAGE && !request.headers.range) response.setHeader("Content-Length", image.length);
    (wrong[pathname] ?? site)(request, response);
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const site: RequestListener = (request, response) => {
  const { pathname } = new URL(request.url ?? "", "http://any");
  const config = { latest: `${server.url}/latest.json`, oven: server.url, keys: [publicKey] };
  const own: Record<string, [string, string]> = {
    [`${OS}/config.json`]: ["application/json", JSON.stringify(config)],
    [`${OS}/page.js`]: ["text/javascript", 'new Worker("worker-ABCDEFGH.js")'],
    [`${OS}/worker-ABCDEFGH.js`]: ["text/javascript", "1"],
    [`${OS}/sw.js`]: ["text/javascript; charset=utf-8", shipped(`public${OS}/sw.js`)],
    "/os:notepat": ["text/html", "<!doctype html><title>AC</title>"],
    [PIECE]: ["text/javascript", piece],
  };
  const [type, text] = own[pathname] ?? [];
  if (type === undefined) parts(request, response);
  else response.setHeader("Content-Type", type).end(text);
};

test("a good deployment", async () => {
  wrong = {};
  const { count, lines } = await look();
  expect(lines.filter((line) => !line.startsWith("✓"))).toEqual([]);
  expect(count).toBe(0);
  expect(lines.length).toBeGreaterThan(20);
});

test("a connection that the server has closed meanwhile is used no more, and that is no fault", async () => {
  let closed = 0;
  wrong = {
    "/os:notepat": (request, response) => {
      if (closed++ > 0) site(request, response);
      else request.socket.destroy();
    },
  };
  const { lines } = await look();
  expect(lines.filter((line) => !line.startsWith("✓"))).toEqual([]);
  expect(closed).toBeGreaterThan(1);
});

const index: RequestListener = (_, response) =>
  void response.setHeader("Content-Type", "text/html").end(html);
const script = (text: string): RequestListener => {
  return (_, response) => void response.setHeader("Content-Type", "text/javascript").end(text);
};
/** The server's answer, after `change` has set or taken headers on it. */
const headers = (change: (response: ServerResponse) => void): RequestListener => {
  return (request, response) => {
    const { writeHead, end } = response;
    const late = () => response.headersSent || change(response);
    response.writeHead = ((...args: Parameters<typeof writeHead>) => (
      late(),
      writeHead.apply(response, args)
    )) as typeof writeHead;
    response.end = ((...args: Parameters<typeof end>) => (late(), end.apply(response, args))) as typeof end;
    site(request, response);
  };
};
const noCors = headers((response) => response.removeHeader("Access-Control-Allow-Origin"));
const cached = (value: string) => headers((response) => void response.setHeader("Cache-Control", value));
const policy = (value: string) =>
  headers((response) => void response.setHeader("Content-Security-Policy", value));
const page = (text: string): RequestListener => {
  return (_, response) => void response.setHeader("Content-Type", "text/html").end(text);
};
const latest = (list: object): RequestListener => files({ "/latest.json": list });

const cases: [string, string, RequestListener, RegExp][] = [
  ["no settings", `${OS}/config.json`, index, /^✗ config\.json: .*JSON/],
  [
    "settings of nonsense",
    `${OS}/config.json`,
    json({ latest: "here" }),
    /config\.json: it is malformed at latest/,
  ],
  [
    "no key",
    `${OS}/config.json`,
    (_, response) => {
      response.end(JSON.stringify({ latest: `${server.url}/latest.json`, oven: server.url }));
    },
    /^✗ keys: .*has none.*public key/,
  ],
  [
    "no base for ARM",
    "/latest.json",
    latest({ releases: [release], until: days(28) }),
    /^✗ a base for "arm": No base image.* for aarch64.*build\.sh kiosk aarch64/,
  ],
  ["no page module", `${OS}/page.js`, index, /^✗ page\.js: it is text\/html/],
  ["a worker left behind", `${OS}/worker-ABCDEFGH.js`, index, /^✗ worker-ABCDEFGH\.js: it is text\/html/],
  [
    "sw.js elsewhere",
    `${OS}/sw.js`,
    (_, response) => {
      response.writeHead(301, { Location: "/sw.js" }).end();
    },
    /^✗ sw\.js: .*answers 301 and sends on to \/sw\.js/,
  ],
  [
    "no page",
    "/os:notepat",
    (_, response) => void response.writeHead(404).end(),
    /^✗ \/os:notepat: .*answers 404/,
  ],
  [
    "a policy against scripts",
    "/os:notepat",
    policy("script-src 'none'"),
    /✗ the page may load page\.js: .*script-src 'none'/,
  ],
  [
    "a policy of the page's own",
    "/os:notepat",
    page(`<meta http-equiv="Content-Security-Policy" content="worker-src 'none'">`),
    /✗ the page may start workers: .*worker-src 'none'/,
  ],
  [
    "a policy against requests",
    "/os:notepat",
    policy("connect-src https://elsewhere.test"),
    /✗ the page may read config\.json/,
  ],
  [
    "a policy against frames",
    "/os:notepat",
    policy("frame-src blob:"),
    /✗ the page may start downloads: .*frame-src blob:.*none begins/,
  ],
  [
    "a policy against previews",
    "/os:notepat",
    policy("frame-src 'self'"),
    /✗ the page may show a preview: .*Add frame-src blob:/,
  ],
  [
    "a policy against what runs in a preview",
    "/os:notepat",
    policy("script-src 'self'"),
    /✗ the preview may run: .*stands still/,
  ],
  [
    "a policy against WebAssembly",
    `${OS}/worker-ABCDEFGH.js`,
    policy("script-src 'self'"),
    /✗ worker-ABCDEFGH\.js may run WebAssembly/,
  ],
  [
    "a policy against the CDN",
    `${OS}/worker-ABCDEFGH.js`,
    policy("connect-src https://elsewhere.test"),
    /✗ worker-ABCDEFGH\.js may ask http:\/\/127\.0\.0\.1:\d+: .*connect-src https:\/\/elsewhere\.test/,
  ],
  [
    "a piece that was not built",
    PIECE,
    script((await bundlePiece()).code),
    /^✗ disks\/os\.mjs: it was not built/,
  ],
  [
    "a minified piece",
    PIECE,
    script(`${piece.split("export {")[0]}export{boot,meta};`),
    /^✗ disks\/os\.mjs: .*no "export \{"/,
  ],
  ["KidLisp", PIECE, script(`;\n${piece}`), /^✗ disks\/os\.mjs: .*two comments/],
  [
    "a piece that is not ours, and would run",
    PIECE,
    script(piece.replace("export {", "globalThis.ranHere = true;\nexport {")),
    /^✗ disks\/os\.mjs, line by line: line \d+ is not as this version of os has it/,
  ],
  [
    "more than the piece",
    PIECE,
    script(`${piece}globalThis.ranHere = true;\n`),
    /✗ disks\/os\.mjs, line by line/,
  ],
  [
    "no list",
    "/latest.json",
    (_, response) => void response.writeHead(404).end(),
    /^✗ latest\.json: .*answers 404/,
  ],
  [
    "a list of another format",
    "/latest.json",
    latest({ format: 2, releases: [] }),
    /^✗ latest\.json: .*format 2/,
  ],
  ["an empty list", "/latest.json", latest({ releases: [] }), /^✗ latest\.json: No base image/],
  [
    "an unsigned list",
    "/latest.json",
    json({ format: 1, releases: [release] }),
    /^✗ latest\.json: it is no signed list/,
  ],
  [
    "a list that somebody else signed",
    "/latest.json",
    (_, response) => void response.end(signLatest({ releases: [release] }, testKey(2))),
    /^✗ latest\.json: The list of base images is signed with the key/,
  ],
  [
    "a list that expired",
    "/latest.json",
    latest({ releases: [release], until: days(-2) }),
    /^✗ latest\.json holds for some time yet: The list of base images held until .*base\/publish\/renew/,
  ],
  [
    "a list that soon expires",
    "/latest.json",
    latest({ releases: [release], until: days(9.5) }),
    /^✗ latest\.json holds for some time yet: it holds for 9 more days/,
  ],
  [
    "a manifest for another machine",
    "/test-1/manifest.json",
    files({ "/test-1/manifest.json": { ...manifest, arch: "aarch64" } }),
    /^✗ test 2026\.1\.1: manifest: /,
  ],
  [
    "a bucket that is not public",
    IMAGE,
    (_, response) => void response.writeHead(403).end(),
    /base\.img is whole: .*answers 403: it is not there, or not open to everybody .*s3:GetObject/,
  ],
  [
    "CORS for pages alone",
    "/latest.json",
    (request, response) => {
      if (request.headers.origin !== undefined) site(request, response);
      else headers((late) => late.removeHeader("Access-Control-Allow-Origin"))(request, response);
    },
    /^✗ latest\.json may be read out of caches: .*without Vary: Origin/,
  ],
  ["a list for others", "/latest.json", noCors, /^✗ latest\.json may be read.*Allow-Origin/],
  [
    "a list that stays",
    "/latest.json",
    cached("public, max-age=86400"),
    /^✗ latest\.json is soon.*max-age=86400/,
  ],
  [
    "another manifest",
    "/test-1/manifest.json",
    json({ ...manifest, name: "x" }),
    /^✗ test 2026\.1\.1: manifest: .*not what the key/,
  ],
  [
    "no signature",
    "/test-1/manifest.json.minisig",
    (_, response) => void response.writeHead(404).end(),
    /^✗ test 2026\.1\.1: manifest: .*404/,
  ],
  [
    "a signature that stays",
    "/test-1/manifest.json.minisig",
    cached("immutable, max-age=31536000"),
    /^✗ test 2026\.1\.1: signature is soon/,
  ],
  ["no image", IMAGE, (_, response) => void response.writeHead(404).end(), /base\.img is whole: .*404/],
  [
    "a short image",
    IMAGE,
    files({ [IMAGE]: image.subarray(0, image.length - 512) }),
    /base\.img is whole: it has (?:fewer|\d+) bytes/,
  ],
  [
    "no ranges",
    IMAGE,
    (request, response) => {
      delete request.headers.range;
      site(request, response);
    },
    /base\.img comes in parts: .*knows no ranges/,
  ],
  [
    "another range",
    IMAGE,
    headers((response) => {
      if (response.hasHeader("Content-Range"))
        response.setHeader("Content-Range", `bytes 0-1023/${image.length}`);
    }),
    /base\.img comes in parts: .*it sent bytes 0-1023/,
  ],
  [
    "compression",
    IMAGE,
    headers((response) => void response.setHeader("Content-Encoding", "aws-chunked")),
    /base\.img comes in parts: it is sent as aws-chunked/,
  ],
  ["an image for others", IMAGE, noCors, /base\.img may be read.*Allow-Origin/],
  ["an image that goes", IMAGE, cached("no-cache"), /base\.img stays in caches.*no-cache/],
  [
    "hidden headers",
    IMAGE,
    headers((response) => response.removeHeader("Access-Control-Expose-Headers")),
    /base\.img says to pages.*Retry-After/,
  ],
  [
    "other bytes in front",
    IMAGE,
    files({ [IMAGE]: changed(100) }),
    /base\.img is what the manifest.*not the one/,
  ],
  [
    "other bytes at the end",
    IMAGE,
    files({ [IMAGE]: changed(image.length - 1) }),
    /base\.img is what the manifest.*not the one/,
  ],
  [
    "an oven out of order",
    "/pack-html",
    json({ error: "Piece not found" }, 500),
    /^✗ oven: notepat: There is no piece/,
  ],
  ["an oven for others", "/pack-html", noCors, /^✗ oven may be read.*Allow-Origin/],
];
test.each(cases)("%s", { timeout: 90_000 }, async (_, where, listener, line) => {
  wrong = { [where]: listener };
  const { count, lines } = await look();
  expect(lines.filter((each) => each.startsWith("✗")).join("\n")).toMatch(new RegExp(line.source, "m"));
  expect(count).toBe(lines.filter((each) => each.startsWith("✗")).length);
});

test("a server that refuses HEAD is good enough", { timeout: 90_000 }, async () => {
  wrong = {
    [IMAGE]: (request, response) => {
      if (request.method === "HEAD") response.writeHead(405).end();
      else site(request, response);
    },
  };
  expect((await look()).lines.filter((line) => line.startsWith("✗"))).toEqual([]);
});

test("what a site serves is never run", { timeout: 90_000 }, async () => {
  let ran = false;
  await using spy = await serve((_, response) => {
    ran = true;
    response.end();
  });
  wrong = { [PIECE]: script(piece.replace("export {", `await fetch("${spy.url}");\nexport {`)) };
  expect((await look()).lines.join("\n")).toMatch(/✗ disks\/os\.mjs, line by line/);
  expect(ran).toBe(false);
});

test("a policy like AC's breaks nothing", { timeout: 90_000 }, async () => {
  const ac = policy(
    "script-src 'self' https://www.gstatic.com https://aesthetic.computer blob: 'unsafe-eval';",
  );
  wrong = { [`${OS}/page.js`]: ac, [`${OS}/sw.js`]: ac, [`${OS}/worker-ABCDEFGH.js`]: ac, [PIECE]: ac };
  expect((await look()).lines.filter((line) => line.startsWith("✗"))).toEqual([]);
});

test("bytes that only the last window's digest gives away", async () => {
  expect(image.length % WINDOW).not.toBe(0);
  wrong = { [IMAGE]: files({ [IMAGE]: changed(image.length - 700_000) }) };
  expect((await look()).lines.join("\n")).toMatch(/✗ .*base\.img is what the manifest describes/);
});

async function look() {
  const lines: string[] = [];
  const count = await examine(`${server.url}/`, "notepat", (line) => lines.push(line));
  return { count, lines };
}

function json(content: object, status = 200): RequestListener {
  return (_, response) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(content));
  };
}

function changed(at: number) {
  const bytes = image.slice();
  bytes.set(pattern(1, 7), at);
  bytes[at]! ^= image[at] === bytes[at] ? 1 : 0;
  return bytes;
}
