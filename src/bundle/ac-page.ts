/** A file of a bundle, as `window.VFS` has it: `content` is text, or base64 when `binary`. */
export interface AcFile {
  readonly content: string;
  readonly binary: boolean;
  readonly type: string;
}

/**
 * A page as AC's oven packs pieces (`oven/bundler.mjs` in its repository, as it was in 2026), taken apart. The oven
 * writes each of its settings on a line of its own, and values as JSON, in which there are no line ends: so a line that
 * begins as one of these does is the oven's own, whatever the packed files contain.
 */
export interface AcPage {
  /** What `acSTARTING_PIECE` says: `notepat`, `$cow`, `@handle/piece`. */
  readonly piece: string;
  /** `window.VFS`: what is packed, by path. */
  readonly files: Readonly<Record<string, AcFile>>;
  /** The page around them. */
  readonly html: string;
  readonly lines: Readonly<Record<Marker, Line>>;
  /** A picture with the name of the piece and the time of packing, which the page hides at once. */
  readonly boxArt: Line | undefined;
}

/** Where a line of the page is, without the white space before it and its line end. */
export interface Line {
  readonly start: number;
  readonly end: number;
}

type Marker = keyof typeof MARKERS;

/** What each line begins with, which is there exactly once. */
const MARKERS = {
  title: "<title>",
  mode: "window.acPACK_MODE = true;",
  startingPiece: "window.acSTARTING_PIECE = ",
  piece: "window.acPACK_PIECE = ",
  date: "window.acPACK_DATE = ",
  colophon: "window.acPACK_COLOPHON = {",
  name: "piece: { name: ",
  build: "build: { author: ",
  files: "window.VFS = {",
  urls: "window.VFS_BLOB_URLS = {};",
} as const;

/** In the line that begins as `build` does: when the page was packed, in milliseconds since 1970. */
export const PACK_TIME = /\bpackTime: \d{1,16},/;

/** KidLisp bundles await it. */
const BOOT = ["import(window.VFS_BLOB_URLS['boot.mjs'])", "await import(window.VFS_BLOB_URLS['boot.mjs'])"];

const BOX_ART = '<img id="ac-box-art" src="data:image/png;base64,';
const BOX_ART_END = "<script>document.getElementById('ac-box-art').style.display='none'</script>";

/**
 * Take a page of AC's apart. Throws `RangeError`, with what is not as it should be, for any other: markers that are not
 * there exactly once, packed files that cannot be read, a starting piece that is not among them.
 */
export function parseAcPage(html: string): AcPage {
  const found = new Map<Marker, Line>();
  const once = (name: string, isThere: boolean) => {
    if (isThere) throw new RangeError(`${name} is there twice`);
  };
  let boots = false;
  let boxArt: Line | undefined;
  for (const line of linesOf(html)) {
    const begins = (text: string) => html.startsWith(text, line.start);
    for (const marker of Object.keys(MARKERS) as Marker[]) {
      if (!begins(MARKERS[marker])) continue;
      once(MARKERS[marker], found.has(marker));
      found.set(marker, line);
    }
    if (BOOT.some(begins)) {
      once("import(boot.mjs)", boots);
      boots = true;
    }
    if (begins(BOX_ART) && html.slice(line.start, line.end).endsWith(BOX_ART_END)) {
      once(BOX_ART, boxArt !== undefined);
      boxArt = line;
    }
  }
  for (const [marker, text] of Object.entries(MARKERS)) {
    if (!found.has(marker as Marker)) throw new RangeError(`${text.trim()} is not there`);
  }
  if (!boots) throw new RangeError("import(boot.mjs) is not there");
  const lines = Object.fromEntries(found) as Record<Marker, Line>;
  if (!PACK_TIME.test(html.slice(lines.build.start, lines.build.end))) {
    throw new RangeError("window.acPACK_COLOPHON has no packTime");
  }
  const piece = valueOf(html, lines.startingPiece, MARKERS.startingPiece);
  if (typeof piece !== "string") throw new RangeError("window.acSTARTING_PIECE is no string");
  const files = filesIn(valueOf(html, lines.files, "window.VFS = "));
  if (!Object.hasOwn(files, "boot.mjs")) throw new RangeError("window.VFS has no boot.mjs");
  if (!Object.hasOwn(files, pathOfPiece(piece)))
    throw new RangeError(`window.VFS has no ${pathOfPiece(piece)}`);
  return { piece, files, html, lines, boxArt };
}

/** Where AC's runtime looks for a piece in a bundle. */
export function pathOfPiece(piece: string): string {
  if (piece.startsWith("$")) return `disks/${piece.slice(1)}.lisp`;
  if (!piece.startsWith("@")) return `disks/${piece}.mjs`;
  const [handle, name] = piece.split("/");
  return `media/${handle}/piece/${name}.mjs`;
}

/** The page with other text in the place of some of its lines. */
export function replaceLines(page: AcPage, replaced: ReadonlyMap<Line, string>): string {
  let out = "";
  let at = 0;
  for (const [line, text] of [...replaced].sort(([a], [b]) => a.start - b.start)) {
    out += page.html.slice(at, line.start) + text;
    at = line.end;
  }
  return out + page.html.slice(at);
}

/** `value` as JSON that can stand in a page's script: nothing in it ends the script, or puts off its end. */
export function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replace(/<(?=!--|\/?script)/gi, "\\u003c");
}

function* linesOf(html: string): Generator<Line> {
  for (let at = 0; at < html.length;) {
    const newline = html.indexOf("\n", at);
    const end = newline < 0 ? html.length : newline;
    let start = at;
    while (start < end && (html[start] === " " || html[start] === "\t")) start++;
    yield { start, end };
    at = end + 1;
  }
}

/** The JSON after `before`, up to the semicolon that ends the line. */
function valueOf(html: string, { start, end }: Line, before: string): unknown {
  const text = html.slice(start + before.length, end);
  const name = before.replace(" = ", "");
  if (!text.endsWith(";")) throw new RangeError(`${name} does not end on its line`);
  try {
    return JSON.parse(text.slice(0, -1));
  } catch (cause) {
    throw new RangeError(`${name} is not JSON`, { cause });
  }
}

function filesIn(value: unknown): Record<string, AcFile> {
  for (const [path, file] of Object.entries(value as Record<string, unknown>)) {
    const { content, binary, type } = { ...(file as Partial<AcFile> | null) };
    if (typeof content !== "string" || typeof binary !== "boolean" || typeof type !== "string") {
      throw new RangeError(`window.VFS has no file at ${path.slice(0, 100)}`);
    }
  }
  return value as Record<string, AcFile>;
}
