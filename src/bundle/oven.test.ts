import { expect, test } from "vitest";
import { BundleError, OvenError, UnknownPieceError } from "../errors.ts";
import { DEFAULT_RETRY, RetryPolicy } from "../fetch/retry.ts";
import { serve } from "../testing/range-server.ts";
import { eventsIn } from "./events.ts";
import { bake } from "./oven.ts";

const page = "<!doctype html><title>x</title><script>1</script>";

const options = (limit = 1000) => ({
  limit,
  retry: new RetryPolicy({ ...DEFAULT_RETRY, firstWaitMs: 5, giveUpAfterMs: 100 }),
  stop: new AbortController().signal,
});
const failure = (bundle: Promise<unknown>) =>
  bundle.then(
    () => new Error("there was a bundle"),
    (error: Error) => error,
  );
const base64 = (html: string) => Buffer.from(html).toString("base64");
const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;

const query = "nocompress=1&noboxart=1&format=stream";
test.each([
  ["notepat", `/pack-html?piece=notepat&${query}`],
  ["$cow", `/pack-html?code=%24cow&${query}`],
])("asks for %s", async (piece, path) => {
  await using server = await serve((_, response) => response.end(page));
  const bundle = await bake(server.url, piece, options());
  expect(new TextDecoder().decode(bundle)).toBe(page);
  expect(server.requests).toEqual([`GET ${path}`]);
});

test("an older oven has the other path", async () => {
  await using server = await serve((request, response) => {
    if (request.url?.startsWith("/bundle-html")) response.end(page);
    else response.writeHead(404).end('{"error":"Not found"}');
  });
  expect(await bake(server.url, "x", options())).toHaveLength(page.length);
});

test("a network that asks to sign in first is told as that, and waited for", async () => {
  let answers = 0;
  await using server = await serve((_, response) => {
    if (answers++ < 2) response.writeHead(511).end("<html>Sign in</html>");
    else response.end(page);
  });
  expect(await bake(server.url, "x", options())).toHaveLength(page.length);
  answers = Number.NEGATIVE_INFINITY;
  const error = await bake(server.url, "x", options()).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    name: "CaptivePortalError",
    message: expect.stringContaining("sign in") as string,
  });
});

test("a stream of events tells how far the oven is", async () => {
  await using server = await serve((_, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
    response.write(event("progress", { stage: "minify", message: "Minifying 157 files..." }));
    response.write(`: a comment\n${event("progress", { stage: "fonts" })}`);
    response.write(event("progress", { stage: "fonts", message: "Loading fonts..." }));
    response.end(event("complete", { filename: "x.html", content: base64(page), sizeKB: 1 }));
  });
  const said: string[] = [];
  const bundle = await bake(server.url, "x", { ...options(), onBaking: (words) => said.push(words) });
  expect(new TextDecoder().decode(bundle)).toBe(page);
  expect(said).toEqual(["Minifying 157 files...", "Loading fonts..."]);
});

test.each<[string, string, new (message: string) => Error, RegExp]>([
  [
    "an unknown piece",
    event("error", { error: "Piece 'x' not found at disks/x.mjs" }),
    UnknownPieceError,
    /no piece called x/,
  ],
  [
    "its own trouble",
    event("error", { error: "fetch failed" }),
    OvenError,
    /could not bundle x: fetch failed/,
  ],
  ["no words", event("error", {}), OvenError, /could not bundle x/],
  ["no page", event("complete", { sizeKB: 1 }), OvenError, /badly packed/],
  ["no base64", event("complete", { content: "!" }), OvenError, /badly packed/],
  ["nothing at the end", event("progress", { message: "a" }), OvenError, /broke off/],
  ["half an event", event("complete", { content: base64(page) }).trimEnd(), OvenError, /broke off/],
  [
    "a page that is too large",
    event("complete", { content: base64("a".repeat(1001)) }),
    BundleError,
    /larger than the 1000/,
  ],
  [
    "an event that is far too large",
    `data: ${"a".repeat(2_000_000)}`,
    BundleError,
    /larger than the 1000 bytes/,
  ],
])("a stream of events with %s", async (_, events, kind, message) => {
  await using server = await serve((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" }).end(events);
  });
  const error = await failure(bake(server.url, "x", options()));
  expect(error).toBeInstanceOf(kind);
  expect(error.message).toMatch(message);
});

test("a bundle may be as large as there is room, and no larger", async () => {
  await using server = await serve((_, response) => response.end(page));
  expect(await bake(server.url, "x", options(page.length))).toHaveLength(page.length);
  await expect(bake(server.url, "x", options(page.length - 1))).rejects.toThrow(BundleError);
});

// The oven answers 500 for everything; what is wrong stands in its words.
test.each<[number, string, new (message: string) => Error, RegExp]>([
  [500, `{"error":"Piece 'x' not found at disks/x.mjs"}`, UnknownPieceError, /no piece called x/],
  [500, `{"error":"Piece '$x' not found"}`, UnknownPieceError, /no piece called x/],
  [500, '{"error":"Piece not found: x"}', UnknownPieceError, /no piece called x/],
  [500, `{"error":"ENOENT: no such file or directory, open 'disks/x.mjs'"}`, OvenError, /answered 500 for x/],
  [500, '{"error":"getaddrinfo ENOTFOUND aesthetic.computer"}', OvenError, /answered 500/],
  [500, '{"error":"Internal server error","message":"module not found"}', OvenError, /answered 500/],
  [500, '{"error":"out of memory"}', OvenError, /answered 500 for x/],
  [404, "nothing here", UnknownPieceError, /no piece called x/],
  [503, "<html>busy</html>", OvenError, /answered 503/],
  [400, '{"error":"bad"}', OvenError, /answered 400/],
])("%i %j", async (status, body, kind, message) => {
  await using server = await serve((_, response) => response.writeHead(status).end(body));
  const error = await failure(bake(server.url, "x", options()));
  expect(error).toBeInstanceOf(kind);
  expect(error.message).toMatch(message);
});

test("an oven that is not there", async () => {
  const error = await failure(bake("http://127.0.0.1:1", "x", options()));
  expect(error).toBeInstanceOf(OvenError);
  expect(error.cause).toBeInstanceOf(Error);
});

test("events, however their bytes come", async () => {
  const bytes = new TextEncoder().encode(
    "data: ä\r\nevent:  b \r\ndata:c\n\n\n\nid: 1\n\nevent: d\ndata: e\n\ndata: open",
  );
  for (let size = 1; size <= bytes.length; size++) {
    async function* chunks() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
    }
    const events = [];
    for await (const each of eventsIn(chunks(), 1000)) events.push(each);
    expect(events).toEqual([
      { type: "b", data: "ä\nc" },
      { type: "d", data: "e" },
    ]);
  }
});
