import { afterEach, expect, test, vi } from "vitest";
import { loadConfig } from "./config.ts";

const settings = { latest: "https://cdn.example/latest.json", oven: "https://oven.example" };
afterEach(() => vi.unstubAllGlobals());

function answer(body: BodyInit, status = 200) {
  const fetched = vi.fn(async (_url: URL, _options: RequestInit) => new Response(body, { status }));
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

test("is read from beside the module, and asked for anew each time", async () => {
  const fetched = answer(JSON.stringify(settings));
  expect(await loadConfig()).toEqual({ ...settings, keys: [] });
  const [url, options] = fetched.mock.calls[0] ?? [];
  expect(url?.pathname).toMatch(/\/config\.json$/);
  expect(options).toEqual({ cache: "no-cache" });
});

test.each<[string, string, number, RegExp]>([
  ["is missing", "Not found", 404, /HTTP 404/],
  ["is not JSON", "<html>", 200, /JSON/],
  ["lacks something", JSON.stringify({ latest: settings.latest }), 200, /malformed at oven/],
])("one that %s is told of in a sentence, with the cause", async (_, body, status, cause) => {
  answer(body, status);
  const error = await loadConfig().catch((thrown: unknown) => thrown as Error);
  expect(error).toMatchObject({ message: "The settings of os could not be loaded" });
  expect(String((error as Error).cause)).toMatch(cause);
});
