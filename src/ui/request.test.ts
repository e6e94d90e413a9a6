import { expect, test } from "vitest";
import { requestFor } from "./request.ts";

const config = { latest: "https://cdn/latest.json", oven: "https://oven", keys: ["RWQkey"] };
const seen = { "kiosk x86_64": "2026.1.1" };
const common = {
  pieces: ["notepat"],
  manifest: config.latest,
  oven: config.oven,
  keys: config.keys,
  keep: true,
  seen,
};

test.each<[string, string[], object, object]>([
  ["only a piece", [], {}, {}],
  ["a flavor", ["tiny"], {}, { flavor: "tiny" }],
  ["a version", ["2026.11.20"], {}, { version: "2026.11.20" }],
  ["both, in any order", ["2026.11.20", "tiny"], {}, { flavor: "tiny", version: "2026.11.20" }],
  ["the deployment's flavor", [], { flavor: "kiosk" }, { flavor: "kiosk" }],
  ["a flavor instead of the deployment's", ["tiny"], { flavor: "kiosk" }, { flavor: "tiny" }],
  ["the deployment's time to give up", [], { giveUpAfterSeconds: 7 }, { giveUpAfterSeconds: 7 }],
])("%s", (_, qualifiers, settings, expected) => {
  const asked = { visit: "1", piece: "notepat", qualifiers };
  expect(requestFor(asked, { ...config, ...settings }, seen)).toEqual({ ...common, ...expected });
});

test.each<[string, string[], "aarch64" | undefined, object]>([
  ["an architecture", ["arm"], undefined, { arch: "aarch64" }],
  ["an architecture, as Debian says it", ["arm64"], undefined, { arch: "aarch64" }],
  ["the usual one", ["pc"], undefined, { arch: "x86_64" }],
  [
    "one and a flavor and a version",
    ["tiny", "arm", "2026.11.20"],
    undefined,
    { arch: "aarch64", flavor: "tiny", version: "2026.11.20" },
  ],
  ["none, on a computer that suggests one", [], "aarch64", { suggested: "aarch64" }],
  ["another than is suggested", ["pc"], "aarch64", { arch: "x86_64", suggested: "aarch64" }],
])("%s", (_, qualifiers, suggested, expected) => {
  const asked = { visit: "1", piece: "notepat", qualifiers };
  expect(requestFor(asked, config, seen, {}, suggested)).toEqual({ ...common, ...expected });
});

test("all pieces are asked for, the first one first", () => {
  const asked = { visit: "1", piece: "notepat", others: ["line", "@jeffrey/frog"] };
  expect(requestFor(asked, config, seen).pieces).toEqual(["notepat", "line", "@jeffrey/frog"]);
});

test("what the person has let the piece use is asked for, and nothing where they have not been asked", () => {
  const asked = { visit: "1", piece: "notepat" };
  const allow = { notepat: ["camera"] } as const;
  expect(requestFor(asked, config, seen, { allow }).allow).toEqual(allow);
  expect(requestFor(asked, config, seen)).not.toHaveProperty("allow");
  expect(requestFor(asked, config, seen, { by: "@jeffrey" })).toEqual({ ...common, by: "@jeffrey" });
});
