import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

/**
 * What each room may import, beside itself: imports run one way. `(types)` is for what is gone at run time. The
 * words that everything shares (allowances, errors, messages, config) are open to all but src/ext4, which stands alone.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  words: [],
  ext4: [],
  bytes: ["ext4"],
  time: [],
  splash: ["bytes"],
  settings: [],
  piece: [],
  release: ["bytes"],
  fetch: ["release", "bytes", "time"],
  bundle: ["fetch", "bytes"],
  cache: ["fetch (types)", "release", "bytes"],
  image: ["ext4", "fetch", "release", "settings", "splash", "piece", "bytes"],
  stick: ["image", "fetch", "release", "piece", "bytes"],
  netboot: ["image", "ext4", "settings", "bytes"],
  "worker/api": ["settings (types)"],
  worker: [
    "worker/api",
    "bundle",
    "cache",
    "stick",
    "image",
    "ext4",
    "fetch",
    "release",
    "settings",
    "splash",
    "piece",
    "bytes",
    "time",
  ],
  ui: ["worker/api", "bundle", "cache", "release", "settings", "splash", "piece", "time"],
  disks: ["piece"],
};
const WORDS = ["allowances", "architectures", "errors", "messages", "config"];

const root = path.resolve(import.meta.dirname, "..");
const IMPORT =
  /\b(?:import|export)\s+(type\s)?(?:[^"'();]*?\sfrom\s+)?"(\.[^"]+)"|\bimport\(\s*"(\.[^"]+)"\s*\)/g;

interface Edge {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly typesOnly: boolean;
}

/** The room a file is in; whatever is in none of them (dev, base, e2e, src/testing …) by its folder. */
function roomOf(file: string): string {
  const [top = "", second = ""] = file.split("/");
  if (top !== "src") return top;
  if (file === "src/worker/api.ts") return "worker/api"; // what both threads know of each other
  return WORDS.includes(second.replace(/\.ts$/, "")) ? "words" : second;
}

function edgesOf(file: string, text: string): Edge[] {
  return [...text.matchAll(IMPORT)].flatMap(([whole, type, named, inline]) => {
    const to = roomOf(path.join(path.dirname(file), named ?? inline ?? ""));
    const from = roomOf(file);
    // In JavaScript import("…") can only be a type in a comment, or what is loaded at run time with await
    const typesOnly = type !== undefined || (inline !== undefined && !text.includes(`await ${whole}`));
    return to === from ? [] : [{ file, from, to, typesOnly }];
  });
}

function isAllowed({ from, to, typesOnly }: Edge): boolean {
  const may = MAY_IMPORT[from] ?? [];
  if (to === "words") return from !== "ext4";
  return may.includes(to) || (typesOnly && may.includes(`${to} (types)`));
}

const files = ["src", "disks"]
  .flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" }).map((name) =>
      path.posix.join(folder, name),
    ),
  )
  .filter((file) => /\.m?[jt]s$/.test(file) && !/\.test\.ts$|^src\/(?:testing|ext4\/testing)\b/.test(file));

test("imports run one way", () => {
  const edges = files.flatMap((file) => edgesOf(file, readFileSync(path.join(root, file), "utf8")));
  expect(edges.length).toBeGreaterThan(100);
  const wrong = edges.filter((edge) => !isAllowed(edge));
  expect(wrong.map(({ file, to, typesOnly }) => `${file} → ${to}${typesOnly ? " (types)" : ""}`)).toEqual([]);
});

test("every room is in the table, and the table has no way round", () => {
  const rooms = new Set(files.map(roomOf));
  expect([...rooms].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  for (const room of Object.keys(MAY_IMPORT)) expect(reachable(room)).not.toContain(room);
});

test.each([
  [`import { a } from "../worker/worker.ts";`, "worker", false],
  [`import type { A } from "../worker/api.ts";`, "worker/api", true],
  [`import {\n  a,\n  b,\n} from "../fetch/http.ts";`, "fetch", false],
  [`export type { A } from "../ext4/segment.ts";`, "ext4", true],
  [`import "../../dev/start.ts";`, "dev", false],
  [`const m = await import("../../bin/os.ts");`, "bin", false],
  [`/** @typedef {import("../messages.ts").Page} Page */`, "words", true],
  [`import { serve } from "../testing/range-server.ts";`, "testing", false],
])("%s is seen", (text, to, typesOnly) => {
  expect(edgesOf("src/ui/page.ts", text)).toEqual([{ file: "src/ui/page.ts", from: "ui", to, typesOnly }]);
});

function reachable(room: string, seen = new Set<string>()): Set<string> {
  for (const each of MAY_IMPORT[room] ?? []) {
    const next = each.replace(" (types)", "");
    if (!seen.has(next)) reachable(next, seen.add(next));
  }
  return seen;
}
