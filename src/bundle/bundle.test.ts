import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { BundleError, OvenError, UnknownPieceError } from "../errors.ts";
import { DEFAULT_RETRY, RetryPolicy } from "../fetch/retry.ts";
import { AC_PIECES, acBundle, type AcBundleOptions } from "../testing/ac-bundle.ts";
import { serve, type TestServer } from "../testing/range-server.ts";
import { parseAcPage } from "./ac-page.ts";
import { type Bundle, fetchBundle, prepareBundle } from "./bundle.ts";

const created = "2026-11-24T01:02:03Z";
const limit = 1_000_000;
const bytes = (html: string) => new TextEncoder().encode(html);
const text = ({ html }: Bundle) => new TextDecoder().decode(html);
const sha256 = ({ html }: Bundle) => createHash("sha256").update(html).digest("hex");

const fetchOptions = () => ({
  limit,
  created,
  retry: new RetryPolicy({ ...DEFAULT_RETRY, firstWaitMs: 5, giveUpAfterMs: 100 }),
  stop: new AbortController().signal,
});
const failure = (bundle: Promise<Bundle>) =>
  bundle.then(
    () => new Error("there was a bundle"),
    (error: Error) => error,
  );

/** An oven with AC's own piece `wipe`, and a site with these files. */
function ac(
  files: Record<string, string | number>,
  carrier: AcBundleOptions = { piece: "wipe" },
): Promise<TestServer> {
  return serve((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://any");
    if (pathname === "/pack-html" && searchParams.get("piece") === "wipe") response.end(acBundle(carrier));
    else if (pathname === "/pack-html")
      response.writeHead(500).end(JSON.stringify({ error: `Piece 'x' not found` }));
    else {
      const file = files[decodeURIComponent(pathname)] ?? 404;
      if (typeof file === "number") response.writeHead(file).end();
      else response.writeHead(file.startsWith("User not") ? 404 : 200).end(file);
    }
  });
}

test.each([
  ["plain", { piece: "frog" }],
  ["packed", { piece: "frog", form: "gzip" }],
  ["KidLisp", { piece: "$cow", kidlisp: "purple, ink" }],
  ["KidLisp, packed", { piece: "$cow", kidlisp: "purple, ink", form: "gzip" }],
] as const)("the same piece on the same base is the same, whenever it was packed: %s", async (_, options) => {
  const at = (time: string, base = created) =>
    prepareBundle("frog", bytes(acBundle({ ...options, packed: new Date(time) })), { limit, created: base });
  const first = await at("2026-11-27T03:04:05.678Z");
  expect(first.isNormalised).toBe(true);
  expect(sha256(await at("2026-12-01T13:00:00.001Z"))).toBe(sha256(first));
  expect(sha256(await at("2026-11-27T03:04:05.678Z", "2026-11-25T00:00:00Z"))).not.toBe(sha256(first));
  expect(text(first)).toContain('window.acPACK_DATE = "November 24, 2026 at 1:02:03 AM UTC";');
  expect(text(first)).toContain(`packTime: ${Date.parse(created)},`);
  expect(text(first)).not.toContain("DecompressionStream");
  if ("kidlisp" in options) expect(text(first)).toContain("$cow-frogger-2026.11.24.1.2.3.000.lisp.html'");
  // Nothing else changes: normalised again, it is the same; and its files are those that were packed.
  expect(sha256(await prepareBundle("frog", first.html, { limit, created }))).toBe(sha256(first));
  expect(parseAcPage(text(first)).files).toEqual(parseAcPage(acBundle({ ...options, form: "plain" })).files);
});

test("the picture with the time of packing goes", async () => {
  const art = `<img id="ac-box-art" src="data:image/png;base64,AAAA" alt="frog"><script>document.getElementById('ac-box-art').style.display='none'</script>`;
  const html = acBundle().replace("<body>", `<body>\n  ${art}`);
  expect(text(await prepareBundle("frog", bytes(html), { limit, created }))).not.toContain("ac-box-art");
});

test.each([
  ["ours", "<!doctype html><script>acPACK_MODE = packTime = 1</script>"],
  ["one of AC's, of another form", acBundle().replace("window.acPACK_DATE", "window.acPACKED")],
  ["one of AC's, without a time", acBundle().replace("packTime: 0, ", "")],
  [
    "packed, and nobody's",
    "<!doctype html><script>const b64='AAAA'; DecompressionStream('gzip'); document.open()</script>",
  ],
  ["packed, and badly", acBundle({ form: "gzip" }).replace("const b64='H4sI", "const b64='AAAA")],
  ["packed, and no base64", acBundle({ form: "gzip" }).replace("const b64='", "const b64='!")],
  ["with what is no UTF-8", "<!doctype html>\xff<script>1</script>"],
])("a page that is not known stays as it is, to the byte: %s", async (_, html) => {
  const page = Uint8Array.from(Buffer.from(html, html.includes("\xff") ? "latin1" : "utf8"));
  const bundle = await prepareBundle("x", page, { limit, created });
  expect(bundle.isNormalised).toBe(false);
  expect(bundle.html).toEqual(page);
});

test("what unpacks to more than there is room for stays packed", async () => {
  const page = bytes(acBundle({ form: "gzip", files: { "lib/long.mjs": "a".repeat(limit) } }));
  const bundle = await prepareBundle("x", page, { limit, created });
  expect(bundle.html).toBe(page);
  expect(bundle.isNormalised).toBe(false);
});

test("asks come with it", async () => {
  const html = acBundle({ piece: "frog", source: `video("camera")`, form: "gzip" });
  expect((await prepareBundle("frog", bytes(html), { limit, created })).asks).toEqual(["camera"]);
});

test("no room", async () => {
  const html = bytes(acBundle());
  expect((await prepareBundle("frog", html, { limit: html.length + 100, created })).isNormalised).toBe(true);
  await expect(prepareBundle("frog", html, { limit: html.length - 100, created })).rejects.toThrow(
    BundleError,
  );
});

const PUBLISHED = "/media/@jas/piece/frog.mjs";

test("a published piece goes into the bundle of one of AC's own", async () => {
  const source = `// frog\nimport { add } from "../lib/num.mjs?v=1";\nimport * as pond from "./pond.mjs";\nexport { jump } from '/aesthetic.computer/disks/common/jump.mjs';\nvideo("camera"); // from "./not.mjs"\nconst w = new URL("../lib/a.wasm", import.meta.url), x = await import("./no.mjs");\nexport function paint() {}\n`;
  await using server = await ac(
    {
      [PUBLISHED]: source,
      "/aesthetic.computer/disks/pond.mjs": `import { deep } from "./common/deep.mjs"; export const a = 1;`,
      "/aesthetic.computer/disks/common/deep.mjs": `import "../../lib/num.mjs"; export const deep = "</script><!--";`,
      "/aesthetic.computer/disks/common/jump.mjs": "export const jump = 2;",
    },
    { piece: "wipe", files: { "lib/num.mjs": "export const add = 3;" } },
  );
  const places = { oven: server.url, site: `${server.url}/` };
  const bundle = await fetchBundle("@jas/frog", places, fetchOptions());
  expect(bundle).toMatchObject({ isNormalised: true, asks: ["camera"] });
  const page = parseAcPage(text(bundle));
  expect(page.piece).toBe("@jas/frog");
  expect(page.files["media/@jas/piece/frog.mjs"]?.content).toBe(
    `// frog\nimport { add } from "lib/num.mjs";\nimport * as pond from "disks/pond.mjs";\nexport { jump } from "disks/common/jump.mjs";\nvideo("camera"); // from "./not.mjs"\nconst w = new URL("/lib/a.wasm", location.href), x = await import("disks/no.mjs");\nexport function paint() {}\n`,
  );
  expect(page.files["disks/pond.mjs"]?.content).toContain('from "disks/common/deep.mjs"');
  expect(page.files["disks/common/deep.mjs"]?.content).toBe(
    `import "lib/num.mjs"; export const deep = "</script><!--";`,
  );
  expect(page.files["disks/wipe.mjs"]).toBeUndefined();
  const html = text(bundle);
  expect(html).toContain("<title>@jas/frog</title>");
  expect(html).toContain("piece: { name: '@jas/frog', isKidLisp: false },");
  expect(html).toContain("build: { author: '@jas', ");
  expect(html).not.toContain("@somebody");
  expect(server.requests[0]).toBe(`GET ${PUBLISHED}`);
  // Again, and it is the same.
  expect(sha256(await fetchBundle("@jas/frog", places, fetchOptions()))).toBe(sha256(bundle));
});

test("the carrier may be packed, and may be another", async () => {
  await using server = await ac({ [PUBLISHED]: AC_PIECES.still }, { piece: "wipe", form: "gzip" });
  const places = { oven: server.url, site: server.url };
  expect(parseAcPage(text(await fetchBundle("@jas/frog", places, fetchOptions()))).piece).toBe("@jas/frog");

  await using other = await serve((request, response) => {
    if (request.url?.startsWith("/media")) response.end(AC_PIECES.still);
    else if (request.url?.includes("piece=notepat")) response.end(acBundle({ piece: "notepat" }));
    else response.writeHead(500).end('{"error":"Piece \'wipe\' not found at disks/wipe.mjs"}');
  });
  const both = { oven: other.url, site: other.url };
  expect(parseAcPage(text(await fetchBundle("@jas/frog", both, fetchOptions()))).piece).toBe("@jas/frog");
});

test.each<[string, Record<string, string | number>, new (message: string) => Error, RegExp]>([
  ["nobody", { [PUBLISHED]: "User not found: @jas" }, UnknownPieceError, /nobody called @jas/],
  ["no piece", {}, UnknownPieceError, /@jas has published no piece called frog/],
  [
    "no piece, as AC's own page says",
    { [PUBLISHED]: "<!doctype html>" },
    UnknownPieceError,
    /no piece called frog/,
  ],
  [
    "no piece, as AC's own module says",
    { [PUBLISHED]: "// 404, 2023\n" },
    UnknownPieceError,
    /no piece called frog/,
  ],
  ["a private one", { [PUBLISHED]: 403 }, UnknownPieceError, /private, or was never published/],
  ["KidLisp", { [PUBLISHED]: "(wipe blue)" }, BundleError, /written in KidLisp/],
  [
    "KidLisp in its own file",
    { [PUBLISHED.replace("mjs", "lisp")]: "purple" },
    BundleError,
    /written in KidLisp/,
  ],
  [
    "the web",
    { [PUBLISHED]: `import "https://esm.sh/three"` },
    BundleError,
    /imports https:\/\/esm.sh\/three, which is no/,
  ],
  [
    "a package",
    { [PUBLISHED]: `import * as three from "three"` },
    BundleError,
    /imports three, which is no part of AC/,
  ],
  [
    "what is not there",
    { [PUBLISHED]: `import "./no.mjs"` },
    BundleError,
    /imports .\/no.mjs, which is no part of AC/,
  ],
  [
    "a way out",
    { [PUBLISHED]: `import "/aesthetic.computer/../../x"` },
    BundleError,
    /imports .*x, which is no/,
  ],
  ["too much", { [PUBLISHED]: `// ${"a".repeat(limit + 1)}` }, BundleError, /larger than/],
  ["a site with troubles", { [PUBLISHED]: 503 }, OvenError, /answered 503/],
])("a published piece that cannot be had: %s", async (_, files, kind, message) => {
  await using server = await ac(files);
  const error = await failure(
    fetchBundle("@jas/frog", { oven: server.url, site: server.url }, fetchOptions()),
  );
  expect(error).toBeInstanceOf(kind);
  expect(error.message).toMatch(message);
});

test("a published piece that imports without end", async () => {
  await using server = await serve((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://any");
    if (pathname === "/pack-html") response.end(acBundle({ piece: "wipe" }));
    else
      response.end(`import "./a${pathname.length}.mjs"; import "./${"a".repeat(pathname.length - 20)}.mjs";`);
  });
  const error = await failure(
    fetchBundle("@jas/frog", { oven: server.url, site: server.url }, fetchOptions()),
  );
  expect(error).toBeInstanceOf(BundleError);
  expect(error.message).toMatch(/more than 200 modules/);
});

test("an oven that packs in another form says what is missing", async () => {
  await using server = await serve((request, response) => {
    if (request.url?.startsWith("/media")) response.end(AC_PIECES.still);
    else response.end(acBundle({ piece: "wipe" }).replace("window.VFS = ", "window.FILES = "));
  });
  const error = await failure(
    fetchBundle("@jas/frog", { oven: server.url, site: server.url }, fetchOptions()),
  );
  expect(error).toBeInstanceOf(BundleError);
  expect(error.message).toMatch(/form that @jas\/frog cannot be put into: window.VFS = \{ is not there/);
});
