import { createHash } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Allowance, ALLOWANCES } from "../allowances.ts";

/** A piece partition, and the line that every reader of it must say (docs/boot-contract.md). */
export interface Stick {
  readonly title: string;
  /** Its files by name: contents, `{ link }` to another name, or a directory. */
  readonly files: Readonly<
    Record<string, string | { readonly link: string } | typeof DIRECTORY | typeof NOTHING>
  >;
  /** What the initramfs has left in /run/fedac/problem, if anything. */
  readonly problem?: string;
  /** `PIECE …`, or `NOPIECE CODE` without the text. */
  readonly expected: string;
  /** What its piece may use; nothing unless said otherwise. */
  readonly allow?: readonly Allowance[];
  /** What its `os.json` allows that nobody knows. */
  readonly unknown?: readonly unknown[];
}

const DIRECTORY = Symbol("a directory");
const NOTHING = Symbol("no file");
const HTML = "<!doctype html><title>frog ♪</title>\n";
const SIZE = Buffer.byteLength(HTML);
const SHA256 = createHash("sha256").update(HTML).digest("hex");
const DESCRIPTION = {
  format: 1,
  piece: "@jeffrey/frog",
  size: SIZE,
  sha256: SHA256,
  base: "fedac-os kiosk 2026.11.23",
  allow: ["camera", "network"],
};

/** One key a line, as `os.json` must be. */
function osJson(change: object = {}): string {
  const keys = Object.entries({ ...DESCRIPTION, ...change }).filter(([, value]) => value !== undefined);
  const lines = keys.map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

function good(title: string, change: object = {}, name = DESCRIPTION.piece): Stick {
  const files = { "piece.html": HTML, "os.json": osJson(change) };
  return { title, files, expected: `PIECE ${name} ${SHA256} ${SIZE}`, allow: ["camera", "network"] };
}

function allows(
  title: string,
  allow: unknown,
  allowed: readonly Allowance[],
  unknown: unknown[] = [],
): Stick {
  return { ...good(title, { allow }), allow: allowed, unknown };
}

function malformed(title: string, text: string): Stick {
  const files = { "piece.html": HTML, "os.json": text };
  return { title, files, expected: "NOPIECE os-json-malformed" };
}

const LONG = "x".repeat(100);

/** Good and bad piece partitions. Each reader is tested with all of them. */
export const STICKS: readonly Stick[] = [
  good("a piece"),
  good("a KidLisp piece", { piece: "$cow" }, "$cow"),
  good("the longest name", { piece: LONG }, LONG),
  good("a piece that says who has built it", { by: "@jeffrey" }),
  good("a builder that is no handle", { by: '"; reboot' }),
  good("a key of a later release", { density: 8 }),
  good("a base with quotes in it", { base: 'the "piece": one' }),
  allows("a stick from before pieces were allowed anything", undefined, []),
  allows("a piece that is allowed nothing", [], []),
  allows("a piece that is allowed all there is", [...ALLOWANCES], ALLOWANCES),
  allows("allowances out of order and twice", ["network", "camera", "network"], ["camera", "network"]),
  allows(
    "allowances of a later release",
    ["teleport", "midi", 7, null, "Camera"],
    ["midi"],
    ["teleport", 7, null, "Camera"],
  ),
  allows("an allowance that is no list", "camera", [], ["camera"]),
  allows("allowances that are an object", { camera: true }, [], [{ camera: true }]),
  {
    title: "no file system",
    files: {},
    problem: "no-filesystem there is no file system on FEDAC-PIECE\n",
    expected: "NOPIECE no-filesystem",
  },
  {
    title: "no folder of the piece",
    files: {},
    problem: "no-folder the piece that is to start is not on this stick\n",
    expected: "NOPIECE no-folder",
  },
  {
    title: "a problem, whatever is mounted",
    files: { "piece.html": HTML, "os.json": osJson() },
    problem: "unmountable the file system on FEDAC-PIECE cannot be mounted\n",
    expected: "NOPIECE unmountable",
  },
  { title: "no files", files: {}, expected: "NOPIECE os-json-missing" },
  { title: "no os.json", files: { "piece.html": HTML }, expected: "NOPIECE os-json-missing" },
  {
    title: "an empty os.json",
    files: { "piece.html": HTML, "os.json": "" },
    expected: "NOPIECE os-json-missing",
  },
  {
    title: "an os.json larger than 64 KiB",
    files: { "piece.html": HTML, "os.json": osJson({ base: "x".repeat(64 * 1024) }) },
    expected: "NOPIECE os-json-missing",
  },
  {
    title: "an os.json that is a link",
    files: { "piece.html": HTML, other: osJson(), "os.json": { link: "other" } },
    expected: "NOPIECE os-json-missing",
  },
  malformed("an os.json that is no JSON", "{\n"),
  malformed("an os.json of null", "null\n"),
  malformed("another format", osJson({ format: 2 })),
  malformed("no format", osJson({ format: undefined })),
  malformed("no name", osJson({ piece: undefined })),
  malformed("an empty name", osJson({ piece: "" })),
  malformed("a name too long", osJson({ piece: `${LONG}x` })),
  malformed("a name with markup", osJson({ piece: "<b>" })),
  malformed("a name with a command", osJson({ piece: "$(reboot)" })),
  malformed("a name of two lines", osJson({ piece: "a\nb" })),
  malformed("a name with a space", osJson({ piece: "a b" })),
  malformed("no size", osJson({ size: undefined })),
  malformed("a negative size", osJson({ size: -1 })),
  malformed("half a byte", osJson({ size: SIZE + 0.5 })),
  malformed("a size in words", osJson({ size: "many" })),
  malformed("no SHA-256", osJson({ sha256: undefined })),
  malformed("a SHA-256 in capitals", osJson({ sha256: SHA256.toUpperCase() })),
  malformed("a SHA-256 that is cut off", osJson({ sha256: SHA256.slice(1) })),
  { title: "no piece.html", files: { "os.json": osJson() }, expected: "NOPIECE piece-missing" },
  {
    title: "an empty piece.html",
    files: { "os.json": osJson({ size: 0 }), "piece.html": "" },
    expected: "NOPIECE piece-missing",
  },
  {
    title: "a piece.html that is a link",
    files: { "os.json": osJson(), other: HTML, "piece.html": { link: "other" } },
    expected: "NOPIECE piece-missing",
  },
  {
    title: "a piece.html that is a directory",
    files: { "os.json": osJson(), "piece.html": DIRECTORY },
    expected: "NOPIECE piece-missing",
  },
  {
    title: "a piece.html that is cut off",
    files: { "os.json": osJson(), "piece.html": HTML.slice(1) },
    expected: "NOPIECE piece-size",
  },
  {
    title: "another piece.html of the same size",
    files: { "os.json": osJson(), "piece.html": HTML.replace("frog", "toad") },
    expected: "NOPIECE piece-sha256",
  },
];

const OTHER = "<!doctype html><title>toad ♫</title>\n";
const OTHER_SIZE = Buffer.byteLength(OTHER);
const OTHER_SHA256 = createHash("sha256").update(OTHER).digest("hex");
const FROG = {
  folder: "jeffrey-frog",
  piece: "@jeffrey/frog",
  size: SIZE,
  sha256: SHA256,
  allow: ["camera"],
};
const TOAD = { folder: "toad", piece: "toad", size: OTHER_SIZE, sha256: OTHER_SHA256, allow: ["network"] };
const FROG_LINE = `PIECE @jeffrey/frog ${SHA256} ${SIZE}`;
const TOAD_LINE = `PIECE toad ${OTHER_SHA256} ${OTHER_SIZE}`;

/** One key a line, and one piece a line, as `os.json` of format 2 must be. */
function listing(change: object = {}, pieces: readonly object[] = [FROG, TOAD]): string {
  const keys = Object.entries({ format: 2, start: "menu", base: "fedac-os kiosk 2026.11.27", ...change });
  const lines = keys
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`);
  const listed = pieces.map((piece) => {
    const words = Object.entries(piece).map(
      ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
    );
    return `    {${words.join(", ")}}`;
  });
  return `{\n${lines.join("")}  "pieces": [\n${listed.join(",\n")}\n  ]\n}\n`;
}

const BOTH = { "pieces/jeffrey-frog/piece.html": HTML, "pieces/toad/piece.html": OTHER };

function several(title: string, start: string, lines: readonly string[], files: Stick["files"] = {}): Stick {
  return {
    title,
    files: { ...BOTH, "os.json": listing({ start }), ...files },
    expected: [`PIECES ${lines.length} ${start}`, ...lines].join("\n"),
    allow: ["camera", "network"],
  };
}

function misdescribed(title: string, text: string): Stick {
  return { title, files: { ...BOTH, "os.json": text }, expected: "NOPIECE os-json-malformed" };
}

/**
 * Piece partitions with several pieces, good and bad. `expected` has a line for each piece after the first; `allow` is what
 * any of them may use.
 */
export const SEVERAL: readonly Stick[] = [
  several("two pieces and the menu", "menu", [FROG_LINE, TOAD_LINE]),
  several("two pieces, of which one starts", "toad", [FROG_LINE, TOAD_LINE]),
  {
    ...several("who has built it, and keys of a later release", "menu", [FROG_LINE, TOAD_LINE], {
      "os.json": listing({ by: "@jeffrey", density: 8 }, [FROG, { ...TOAD, allow: ["teleport"], tempo: 7 }]),
    }),
    allow: ["camera"],
    unknown: ["teleport"],
  },
  several("a piece that is another one", "menu", [FROG_LINE, "NOPIECE piece-sha256"], {
    "pieces/toad/piece.html": OTHER.replace("toad", "frog"),
  }),
  several("a piece that starts and is cut off", "toad", [FROG_LINE, "NOPIECE piece-size"], {
    "pieces/toad/piece.html": OTHER.slice(1),
  }),
  several("a piece that is a link", "menu", [FROG_LINE, "NOPIECE piece-missing"], {
    "pieces/toad/piece.html": { link: "../jeffrey-frog/piece.html" },
  }),
  several("a piece whose folder is a link", "menu", [FROG_LINE, "NOPIECE piece-missing"], {
    "pieces/toad": { link: "jeffrey-frog" },
    "pieces/toad/piece.html": NOTHING,
  }),
  several("no piece that is whole", "menu", ["NOPIECE piece-missing", "NOPIECE piece-missing"], {
    "pieces/toad/piece.html": "",
    "pieces/jeffrey-frog/piece.html": DIRECTORY,
  }),
  misdescribed("a list without pieces", listing({}, [])),
  misdescribed("a start that is not there", listing({ start: "cow" })),
  misdescribed("no start", listing({ start: undefined })),
  misdescribed("two pieces in one folder", listing({}, [FROG, { ...TOAD, folder: FROG.folder }])),
  misdescribed("a folder above", listing({}, [FROG, { ...TOAD, folder: ".." }])),
  misdescribed("a folder in capitals", listing({}, [FROG, { ...TOAD, folder: "Toad" }])),
  misdescribed("a folder that is the menu", listing({}, [FROG, { ...TOAD, folder: "menu" }])),
  misdescribed("a piece with a command for a name", listing({}, [FROG, { ...TOAD, piece: "$(reboot)" }])),
  misdescribed("a piece without a name", listing({}, [FROG, { ...TOAD, piece: undefined }])),
  misdescribed("a piece without a size", listing({}, [FROG, { ...TOAD, size: "7" }])),
  misdescribed("a piece with half a SHA-256", listing({}, [FROG, { ...TOAD, sha256: SHA256.slice(32) }])),
  misdescribed(
    "more pieces than there are addresses for",
    listing(
      {},
      Array.from({ length: 33 }, (_, i) => ({ ...TOAD, folder: `toad-${i}` })),
    ),
  ),
  misdescribed("another format than there is", listing({ format: 3 })),
];

/** Lay the stick's files out in the directory `mounted`, and its problem in the file `problem`. */
export function layOut(stick: Stick, mounted: string, problem: string): void {
  for (const [name, what] of Object.entries(stick.files)) {
    const path = join(mounted, name);
    if (what === NOTHING) continue;
    mkdirSync(dirname(path), { recursive: true });
    if (typeof what === "string") writeFileSync(path, what);
    else if (what === DIRECTORY) mkdirSync(path);
    else symlinkSync(what.link, path);
  }
  if (stick.problem !== undefined) writeFileSync(problem, stick.problem);
}
