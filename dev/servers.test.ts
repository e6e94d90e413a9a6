import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fetchBundle } from "../src/bundle/bundle.ts";
import { UnknownPieceError } from "../src/errors.ts";
import { RetryPolicy } from "../src/fetch/retry.ts";
import { signLatest } from "../src/testing/sign.ts";
import { serveBase } from "./serve-base.ts";
import { serveOven } from "./serve-oven.ts";
import { serveStage } from "./serve-stage.ts";
import { bestFlavor } from "./start.ts";
import { listen, type Running } from "./http-server.ts";

let folder = "";
let base: Running;
let oven: Running;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cdn-"));
  await mkdir(join(folder, "tiny-1"));
  await writeFile(join(folder, "latest.json"), "{}");
  await writeFile(join(folder, "tiny-1/base.img"), "0123456789");
  await writeFile(join(folder, "tiny-1/empty"), "");
  base = await serveBase(folder);
  oven = await serveOven();
});

afterAll(async () => {
  await base?.close();
  await oven?.close();
  await rm(folder, { recursive: true, force: true });
});

test.each([
  ["bytes=3-5", 206, "345", "bytes 3-5/10"],
  ["bytes=-2", 206, "89", "bytes 8-9/10"],
  ["bytes=10-", 416, "", "bytes */10"],
  ["bytes=0-1,3-4", 200, "0123456789", null],
])("%s is answered with %i", async (range, status, text, contentRange) => {
  const response = await fetch(`${base.url}/tiny-1/base.img`, { headers: { range } });
  expect(response.status).toBe(status);
  expect(await response.text()).toBe(text);
  expect(response.headers.get("content-range")).toBe(contentRange);
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
});

test("releases are immutable, the pointer to them is not", async () => {
  const get = async (path: string) => (await fetch(base.url + path)).headers;
  expect((await get("/tiny-1/base.img")).get("cache-control")).toContain("immutable");
  expect((await get("/latest.json")).get("cache-control")).toBe("public, max-age=60");
  expect((await get("/latest.json")).get("content-encoding")).toBeNull();
});

test("ETag, HEAD, If-Range, and what is not there", async () => {
  const url = `${base.url}/tiny-1/base.img`;
  const head = await fetch(url, { method: "HEAD" });
  const etag = head.headers.get("etag") ?? "";
  expect(head.headers.get("content-length")).toBe("10");
  expect((await fetch(url, { headers: { "if-none-match": etag } })).status).toBe(304);
  expect((await fetch(url, { headers: { range: "bytes=1-2", "if-range": etag } })).status).toBe(206);
  expect((await fetch(url, { headers: { range: "bytes=1-2", "if-range": '"other"' } })).status).toBe(200);
  expect(await (await fetch(`${base.url}/tiny-1/empty`)).text()).toBe("");
  for (const path of ["/nothing", "/tiny-1", "/..%2f..%2fetc/passwd", "/%00", "/%"]) {
    const response = await fetch(base.url + path);
    expect([path, response.status, response.headers.get("access-control-allow-origin")]).toEqual([
      path,
      404,
      "*",
    ]);
  }
});

test.each(["notepat", "prompt", "drift"])(
  "the oven bakes %s, which asks nobody for anything",
  async (piece) => {
    const response = await fetch(`${oven.url}/pack-html?piece=${piece}&nocompress=1`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch("text/html");
    expect(response.headers.get("content-disposition")).toBe(`attachment; filename="${piece}.html"`);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    const html = await response.text();
    expect(html).toMatch(/^<!doctype html>/i);
    expect(html.replaceAll("http://www.w3.org/", "")).not.toMatch(
      /https?:|\bfetch\(|\bsrc=|@import|url\((?!data:)/,
    );
  },
);

test.each([
  ["/pack-html", 400, /Missing/],
  ["/pack-html?piece=", 400, /Missing/],
  ["/pack-html?piece=nope", 500, /^Piece 'nope' not found at disks\/nope.mjs$/],
  ["/bundle-html?piece=constructor", 500, /not found/],
  ["/pack-html?code=$dog", 500, /^Piece '\$dog' not found$/],
  ["/pack-html?piece=../start", 500, /not found/],
  ["/", 404, /No route/],
])("the oven refuses %s with %i", async (path, status, error) => {
  const response = await fetch(oven.url + path);
  expect(response.status).toBe(status);
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  expect(await response.json()).toEqual({ error: expect.stringMatching(error) });
});

test("a bundle, a published piece and KidLisp, as a build gets them from here", async () => {
  const stage = await serveStage({ latest: "http://a/", oven: oven.url });
  try {
    const fetched = async (piece: string) => {
      const said: string[] = [];
      const { html, isNormalised } = await fetchBundle(
        piece,
        { oven: oven.url, site: stage.url },
        {
          limit: 1e6,
          created: "2026-11-24T01:02:03Z",
          retry: new RetryPolicy(),
          stop: new AbortController().signal,
          onBaking: (words) => said.push(words),
        },
      );
      return { html: new TextDecoder().decode(html), isNormalised, said };
    };
    expect(await fetched("notepat")).toMatchObject({ isNormalised: false, said: ["Bundling notepat..."] });
    expect(await fetched("$cow")).toMatchObject({ isNormalised: true, said: ["Bundling $cow..."] });
    const published = await fetched("@os/hello");
    expect(published).toMatchObject({ isNormalised: true, said: ["Bundling wipe..."] });
    expect(published.html).toContain('window.acSTARTING_PIECE = "@os/hello";');
    await expect(fetched("@os/nothing")).rejects.toThrow("@os has published no piece called nothing");
    await expect(fetched("@os/..hello")).rejects.toThrow(UnknownPieceError);
  } finally {
    await stage.close();
  }
});

test("every page is told anew which base to take: the kiosk from the moment it is there", async () => {
  const list = join(folder, "latest.json");
  const release = (flavor: string) => ({
    flavor,
    version: "1",
    arch: "x86_64",
    created: "2026-01-01T00:00:00Z",
    manifest: `${flavor}-1/manifest.json`,
  });
  const write = (...flavors: string[]) => writeFile(list, signLatest({ releases: flavors.map(release) }));
  await write("tiny");
  const stage = await serveStage({ latest: "http://a/", oven: "http://b", flavor: () => bestFlavor(folder) });
  try {
    const flavor = async () => {
      const response = await fetch(`${stage.url}/aesthetic.computer/os/config.json`);
      return ((await response.json()) as { flavor: string }).flavor;
    };
    expect(await flavor()).toBe("tiny");
    await write("tiny", "kiosk");
    expect(await flavor()).toBe("kiosk");
  } finally {
    await stage.close();
    await writeFile(list, "{}");
  }
});

test("a taken port is one sentence", async () => {
  const port = Number(new URL(base.url).port);
  await expect(listen("the stage", port, async () => {})).rejects.toThrow(
    `Port ${port}, meant for the stage, is taken: end what uses it, or name another port.`,
  );
});
