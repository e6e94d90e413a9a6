import { PassThrough, Readable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRequest, RefusedError, REQUEST_LIMIT, type Request } from "./request.ts";
import { serveRequests } from "./serve.ts";

test.each<Request>([
  { ask: "networks" },
  { ask: "scan" },
  { ask: "log" },
  { ask: "restart" },
  { ask: "switch-off" },
  { ask: "join", ssid: "Café ♪" },
  { ask: "join", ssid: "home", passphrase: 'a "b" \\c' },
])("%j is one", (request) => {
  expect(parseRequest(JSON.stringify(request))).toEqual(request);
});

test("settings are those of the schema", () => {
  const settings = { keyboard: { layout: "de", variant: "neo" }, rotation: 90, volume: 0, output: "usb" };
  expect(parseRequest(JSON.stringify({ ask: "keep", settings }))).toEqual({
    ask: "keep",
    settings: expect.objectContaining({ ...settings, wifi: [] }) as unknown,
  });
});

test.each<[string, unknown]>([
  ["nothing", ""],
  ["no JSON", "{"],
  ["no object", [{ ask: "log" }]],
  ["null", null],
  ["a request that is not known", { ask: "run", command: "id" }],
  ["one more key", { ask: "restart", force: true }],
  ["a key of all objects", '{"ask":"log","__proto__":{"x":1}}'],
  ["a name that is no text", { ask: "join", ssid: ["home"] }],
  ["a name too long", { ask: "join", ssid: "x".repeat(33) }],
  ["a name with an end in it", { ask: "join", ssid: "a\0b" }],
  ["an empty name", { ask: "join", ssid: "" }],
  ["a passphrase too short", { ask: "join", ssid: "home", passphrase: "short" }],
  ["a passphrase with lines in it", { ask: "join", ssid: "home", passphrase: "12345678\n[Security]" }],
  ["a passphrase that is a list", { ask: "join", ssid: "home", passphrase: ["12345678"] }],
  ["no settings", { ask: "keep" }],
  ["settings that are a list", { ask: "keep", settings: [] }],
  ["settings with a mistake", { ask: "keep", settings: { volume: 500 } }],
  ["settings with more", { ask: "keep", settings: { volume: 5, command: "id" } }],
  ["a layout with words for sway", { ask: "keep", settings: { keyboard: { layout: "de; exec id" } } }],
  ["networks by way of settings", { ask: "keep", settings: { wifi: [{ ssid: "theirs" }] } }],
  ["random bytes", { ask: "keep", settings: { random: "0".repeat(32) } }],
  ["a lock", { ask: "keep", settings: { locked: false } }],
  ["too much", { ask: "join", ssid: "home", passphrase: "x".repeat(REQUEST_LIMIT) }],
])("%s is refused", (_, json) => {
  const line = typeof json === "string" ? json : JSON.stringify(json);
  expect(() => parseRequest(line)).toThrow(RefusedError);
});

test("whatever comes is a request of ours, or refused", () => {
  const almost = fc.record(
    {
      ask: fc.constantFrom("networks", "join", "keep", "log", "restart", "", "constructor"),
      ssid: fc.oneof(fc.string(), fc.anything()),
      passphrase: fc.oneof(fc.string(), fc.anything()),
      settings: fc.oneof(fc.object(), fc.anything()),
    },
    { requiredKeys: ["ask"] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), almost), (json) => {
      const line = typeof json === "string" ? json : JSON.stringify(json);
      try {
        const request = parseRequest(line);
        expect(["networks", "scan", "join", "log", "keep", "restart", "switch-off"]).toContain(request.ask);
      } catch (error) {
        expect(error).toBeInstanceOf(RefusedError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("each line has one answer, in order; an endless one is refused and forgotten", async () => {
  const output = new PassThrough();
  const seen: string[] = [];
  const lines = [
    '{"ask":"log"}\n{"ask"',
    ':"scan"}\n',
    "x".repeat(100_000),
    "y".repeat(100_000),
    '\n{"ask":"networks"}\n{"ask":"log"',
  ];
  await serveRequests(Readable.from(lines), output, async ({ ask }) => {
    seen.push(ask);
    if (ask === "scan") throw new RefusedError("no-radio");
    if (ask === "networks") throw new TypeError("of passphrases, say");
    return { log: "…" };
  });
  const answers = String(output.read()).trim().split("\n").map((line) => JSON.parse(line) as unknown); // prettier-ignore
  expect(answers).toEqual([
    { ok: true, log: "…" },
    { ok: false, why: "no-radio" },
    { ok: false, why: "malformed" },
    { ok: false, why: "failed" },
  ]);
  expect(seen).toEqual(["log", "scan", "networks"]);
});
