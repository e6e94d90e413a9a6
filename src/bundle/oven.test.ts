import { expect, test } from "vitest";
import { BundleError, OvenError, UnknownPieceError } from "../errors.ts";
import { serve } from "../testing/range-server.ts";
import { DEFAULT_RETRY, RetryPolicy } from "../fetch/retry.ts";
import { fetchBundle } from "./oven.ts";

const retry = () => new RetryPolicy({ ...DEFAULT_RETRY, firstWaitMs: 5, giveUpAfterMs: 100 });
const never = new AbortController().signal;
const page = "<!doctype html><title>x</title><script>1</script>";

test.each([
  ["notepat", "/pack-html?piece=notepat&nocompress=1&density=8"],
  ["$cow", "/pack-html?code=%24cow&nocompress=1&density=8"],
  ["@jeffrey/frog", "/pack-html?piece=%40jeffrey%2Ffrog&nocompress=1&density=8"],
])("asks for %s", async (piece, path) => {
  await using server = await serve((_, response) => response.end(page));
  const bundle = await fetchBundle(server.url, piece, 1000, retry(), never);
  expect(new TextDecoder().decode(bundle)).toBe(page);
  expect(server.requests).toEqual([`GET ${path}`]);
});

test("a bundle may be as large as there is room, and no larger", async () => {
  await using server = await serve((_, response) => response.end(page));
  expect(await fetchBundle(server.url, "x", page.length, retry(), never)).toHaveLength(page.length);
  await expect(fetchBundle(server.url, "x", page.length - 1, retry(), never)).rejects.toThrow(BundleError);
});

test.each<[number, string, new (message: string) => Error, RegExp]>([
  [500, '{"error":"Piece not found: x"}', UnknownPieceError, /no piece called x/],
  [404, "nothing here", UnknownPieceError, /no piece called x/],
  [500, '{"error":"out of memory"}', OvenError, /answered 500 for x/],
  [503, "<html>busy</html>", OvenError, /answered 503/],
  [400, '{"error":"bad"}', OvenError, /answered 400/],
  [200, "", BundleError, /empty/],
  [200, '{"error":"oops"}', BundleError, /not an HTML page/],
  [200, "<!doctype html><h1>Error 1015</h1>", BundleError, /nothing to run/],
  [200, "PNG\x00\x01", BundleError, /not an HTML page/],
])("%i %j", async (status, body, kind, message) => {
  await using server = await serve((_, response) => response.writeHead(status).end(body));
  const error = await fetchBundle(server.url, "x", 1000, retry(), never).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(kind);
  expect((error as Error).message).toMatch(message);
});

test("comments before the page, however many, cost nothing", async () => {
  const comments = "<!-- a -->".repeat(50_000);
  await using server = await serve((_, response) => response.end(comments + page));
  expect(await fetchBundle(server.url, "x", 1e6, retry(), never)).toHaveLength(comments.length + page.length);
  await using other = await serve((_, response) => response.end(`${comments}<head><script>`));
  await expect(fetchBundle(other.url, "x", 1e6, retry(), never)).rejects.toThrow(/not an HTML page/);
});

test("an oven that is not there", async () => {
  const error = await fetchBundle("http://127.0.0.1:1", "x", 1000, retry(), never).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(OvenError);
  expect((error as Error).cause).toBeInstanceOf(Error);
});
