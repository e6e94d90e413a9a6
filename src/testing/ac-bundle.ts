import { gzipSync } from "node:zlib";

/**
 * Bundles in the shape in which AC's oven packs pieces (`oven/bundler.mjs` in its repository, read in 2026), with a
 * runtime of our own in AC's place: the same lines around `window.VFS`, a blob URL and import map entries for each
 * module, a `fetch` that answers from the bundle, then `import(boot.mjs)`. What the stand-in runtime does as AC's does:
 *
 * - The canvas shows noise from the first frame on, until a piece has been loaded.
 * - `window.preloaded` is true while a piece is loaded and booted, and false while one is being loaded. An empty
 *   module counts as loaded, as in AC. `window.acSEND` is there once the runtime is.
 * - The piece's source is fetched as text (`../disks/frog.mjs#…`) and imported as a blob. When there is none, the noise
 *   stays.
 * - Escape, backtick and Backspace jump to `prompt`, which is an empty module in every bundle.
 * - `?density=` goes before `acPACK_DENSITY`, which goes before 2; without `?nogap` or `acFORCE_NOGAP`
 *   there is a border of 8 pixels.
 *
 * Tests read `window.standIn` (`StandIn`), which AC has not.
 */
export interface AcBundleOptions {
  /** What `acSTARTING_PIECE` says: `frog`, or `$cow` with `kidlisp`. */
  readonly piece?: string;
  /** The piece's module, one of `AC_PIECES` or a test's own; `undefined` for a bundle whose piece is missing. */
  readonly source?: string | undefined;
  /** KidLisp instead of a module: its text, in which the first word is the colour that the stand-in shows. */
  readonly kidlisp?: string;
  /** More files of the bundle by path, as `disks/pond.mjs`. */
  readonly files?: Readonly<Record<string, string>>;
  /** What the oven writes into KidLisp bundles that are asked for with `density=`. */
  readonly density?: number;
  /** When it was packed; the oven writes the time of asking. */
  readonly packed?: Date;
  /** A page that unpacks the other one and calls `document.open`, as without `nocompress=1`. */
  readonly form?: "plain" | "gzip";
}

/** What the stand-in runtime tells tests, as `window.standIn`. */
export interface StandIn {
  /** The piece that has been loaded last, and how many have been, the first included. */
  readonly piece: string | undefined;
  readonly loads: number;
  /** Frames that a piece has painted, noise not included, and when the last one was, in `performance.now()`. */
  readonly frames: number;
  readonly lastFrameMs: number;
  /** Frames of noise. */
  readonly noise: number;
  readonly density: number;
  readonly gap: number;
  readonly noauth: boolean;
  /** The canvas in its own pixels. */
  readonly width: number;
  readonly height: number;
  /** Keys that reached the runtime, the last 32. */
  readonly keys: readonly string[];
}

/** Pieces, in AC's form, that do what real ones do, well and badly. */
export const AC_PIECES = {
  /** A square that moves each frame, so that frames can be counted: by `standIn.frames`, or from screenshots. */
  animates: `// animates, 2026
// A square that moves by one pixel a frame.
function paint({ wipe, ink, box, paintCount, screen }) {
  wipe(0, 64, 0);
  ink(255, 255, 0);
  box(paintCount % screen.width, 8, 8, 8);
}
export { paint };
`,
  /** The whole canvas in one colour, one frame, then rest. */
  still: `// still, 2026
// One colour.
function paint({ wipe }) {
  wipe(0, 0, 255);
  return false;
}
export { paint };
`,
  /** Its module never comes to its end: AC waits, and shows noise. */
  hangs: `// hangs, 2026
// Never loads.
await new Promise(() => {});
export function paint() {}
`,
  /** Loads after two seconds. */
  slow: `// slow, 2026
// Loads late.
await new Promise((resolve) => setTimeout(resolve, 2000));
export function paint({ wipe }) {
  wipe(0, 0, 255);
}
`,
  /** Imports what is not in the bundle: it does not load. */
  broken: `// broken, 2026
// Imports a module that is nowhere.
import { nothing } from "lib/is-not-there.mjs";
export function paint() {
  nothing();
}
`,
  /** After thirty frames it goes to `prompt`, the empty module, by itself. */
  jumps: `// jumps, 2026
// Goes to the prompt.
export function paint({ wipe, jump, paintCount }) {
  wipe(255, 0, 0);
  if (paintCount === 30) jump("prompt");
}
`,
  /** After thirty frames it goes to a piece that is not in the bundle. */
  jumpsAway: `// jumpsAway, 2026
// Goes to a piece that is not there.
export function paint({ wipe, jump, paintCount }) {
  wipe(255, 0, 0);
  if (paintCount === 30) jump("somewhere-else");
}
`,
  /** Listens to every key first and lets none pass, as a bundle that works against the keys of a kiosk. */
  holdsKeys: `// holdsKeys, 2026
// Takes all keys.
export function boot() {
  for (const type of ["keydown", "keyup", "keypress"]) {
    window.addEventListener(type, (event) => {
      event.stopImmediatePropagation();
      event.preventDefault();
    }, true);
  }
}
export function paint({ wipe }) {
  wipe(128, 0, 128);
}
`,
  /** After thirty frames the runtime's loop throws, and nothing moves any more. */
  crashes: `// crashes, 2026
// Breaks the runtime.
export function paint({ wipe, paintCount, crash }) {
  wipe(255, 0, 0);
  if (paintCount === 30) crash();
}
`,
  /** After thirty frames the page says HALT, and the runtime stops, as AC's does when a piece is stuck. */
  halts: `// halts, 2026
// Stops the runtime.
export function paint({ wipe, paintCount, halt }) {
  wipe(255, 0, 0);
  if (paintCount === 30) halt();
}
`,
} as const;

/** The bundle's HTML. */
export function acBundle(options: AcBundleOptions = {}): string {
  const html = plainBundle(options);
  return options.form === "gzip" ? unpacking(options.piece ?? "frog", html) : html;
}

function plainBundle(options: AcBundleOptions): string {
  const { piece = "frog", kidlisp, density, packed = new Date(0), files = {} } = options;
  const source = "source" in options ? options.source : AC_PIECES.animates;
  const code = piece.replace(/^\$/, "");
  const isKidLisp = kidlisp !== undefined;
  const vfs: Record<string, { content: string; binary: boolean; type: string }> = {};
  const add = (path: string, content: string) => {
    vfs[path] = { content, binary: false, type: path.slice(path.lastIndexOf(".") + 1) };
  };
  for (const [path, content] of Object.entries(RUNTIME)) add(path, content);
  if (isKidLisp) add(`disks/${code}.lisp`, kidlisp);
  else if (source !== undefined) add(`disks/${piece}.mjs`, source);
  for (const [path, content] of Object.entries(files)) add(path, content);

  const packTime = packed.getTime();
  const date = packed.toLocaleString("en-US", {
    timeZone: "America/Los_Angeles",
    year: "numeric",
    month: "long",
    day: "numeric",
    hour: "numeric",
    minute: "2-digit",
    second: "2-digit",
    hour12: true,
  });
  const build = { author: isKidLisp ? "frogger" : "@somebody", packTime, fileCount: Object.keys(vfs).length };
  const filename = isKidLisp ? `, filename: '${piece}-frogger-${fileTime(packed)}.lisp.html'` : "";
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>${piece} · a stand-in</title>
  <style>
    body { margin: 0; overflow: hidden; background: #222; }
    canvas { display: block; image-rendering: pixelated; }
  </style>
</head>
<body>
  <script>
    // Everything that the modules need stands here before the first of them runs.
    window.acPACK_MODE = true;
    window.acSTARTING_PIECE = "${piece}";
    window.acPACK_PIECE = "${piece}";
    window.acPACK_DATE = "${date}";
    window.acPACK_GIT = "0123abc";
    ${isKidLisp ? `window.acKIDLISP_SOURCE = ${JSON.stringify(kidlisp)};` : ""}
    ${density === undefined ? "" : `window.acPACK_DENSITY = ${density};`}
    window.acPACK_COLOPHON = {
      piece: { name: '${code}', ${isKidLisp ? `sourceCode: ${JSON.stringify(kidlisp)}, ` : ""}isKidLisp: ${isKidLisp} },
      build: { author: '${build.author}', packTime: ${packTime}, gitCommit: '0123abc', gitIsDirty: false, fileCount: ${build.fileCount}${filename} }
    };
    window.VFS = ${JSON.stringify(vfs).replaceAll("</script>", "<\\/script>")};
    window.acBUNDLED_GLYPHS = {};
    window.VFS_BLOB_URLS = {};
    ${SHIM}
    ${isKidLisp ? TELEMETRY : ""}
  </script>
  <script type="module">
    import(window.VFS_BLOB_URLS['boot.mjs']).catch(error => { document.body.textContent = 'Boot failed: ' + error.message; });
  </script>
</body>
</html>`;
}

/** The time as it stands in the name of a KidLisp bundle. */
function fileTime(date: Date): string {
  const parts = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours()];
  const rest = [
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    String(date.getUTCMilliseconds()).padStart(3, "0"),
  ];
  return [...parts, ...rest].join(".");
}

/** A page that holds `html` packed, and shows it in its own place. */
function unpacking(piece: string, html: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>${piece} · a stand-in</title>
</head>
<body>
  <script>
    const b64='${gzipSync(html, { level: 9 }).toString("base64")}';
    const packed = Uint8Array.from(atob(b64), (c) => c.charCodeAt(0));
    new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).text()
      .then((page) => { document.open(); document.write(page); document.close(); })
      .catch((error) => { document.body.textContent = 'Bundle error: ' + error.message; });
  </script>
</body>
</html>`;
}

/** Blob URLs, the import map, and the `fetch` that answers from the bundle; AC's has more spellings of a path. */
const SHIM = String.raw`const imports = {};
    for (const [path, file] of Object.entries(window.VFS)) {
      if (!/\.m?js$/.test(path)) continue;
      const url = URL.createObjectURL(new Blob([file.content], { type: 'application/javascript' }));
      window.VFS_BLOB_URLS[path] = url;
      for (const start of ['', '/', './', '../', '../../', 'aesthetic.computer/', '/aesthetic.computer/']) imports[start + path] = url;
    }
    const map = document.createElement('script');
    map.type = 'importmap';
    map.textContent = JSON.stringify({ imports });
    document.head.appendChild(map);
    const originalFetch = window.fetch;
    window.fetch = function (url, options) {
      const text = String(url);
      if (text.includes('/api/')) return Promise.resolve(new Response('{}', { headers: { 'Content-Type': 'application/json' } }));
      const path = decodeURIComponent(text).replace(/[#?].*$/, '').replace(/^https?:\/\/[^/]+\//, '').replace(/^(\.{0,2}\/)+/, '').replace(/^aesthetic\.computer\//, '');
      const file = window.VFS[path];
      if (!file) return originalFetch.call(this, url, options);
      const bytes = file.binary ? Uint8Array.from(atob(file.content), (c) => c.charCodeAt(0)) : file.content;
      return Promise.resolve(new Response(bytes, { headers: { 'Content-Type': 'text/plain' } }));
    };`;

/** What KidLisp bundles send to AC when they run from AC or from "localhost". */
const TELEMETRY = `if (/aesthetic.computer|localhost/.test(location.origin)) {
      const send = (type) => navigator.sendBeacon('https://aesthetic.computer/api/bundle-telemetry', JSON.stringify({ type, piece: window.acPACK_PIECE }));
      addEventListener('load', () => send('boot'));
      addEventListener('error', () => send('error'));
    }`;

/** The stand-in runtime, by the paths of AC's own files. */
const RUNTIME: Readonly<Record<string, string>> = {
  "boot.mjs": `import { start } from "bios.mjs";
window.preloaded = false;
window.acSTARTING_PIECE ??= "prompt";
const query = new URLSearchParams(location.search);
start(window.acSTARTING_PIECE, {
  density: Number(query.get("density")) || window.acPACK_DENSITY || 2,
  gap: query.has("nogap") || window.acFORCE_NOGAP ? 0 : 8,
  noauth: query.has("noauth"),
});
`,
  "bios.mjs": `import { load } from "lib/disk.mjs";

export function start(piece, { density, gap, noauth }) {
  const canvas = document.createElement("canvas");
  const screen = {
    width: Math.max(1, Math.floor((innerWidth - 2 * gap) / density)),
    height: Math.max(1, Math.floor((innerHeight - 2 * gap) / density)),
  };
  Object.assign(canvas, screen);
  canvas.style.cssText = \`margin: \${gap}px; width: \${screen.width * density}px; height: \${screen.height * density}px\`;
  document.body.append(canvas);
  const context = canvas.getContext("2d");
  const state = { piece: undefined, loads: 0, frames: 0, lastFrameMs: 0, noise: 0, density, gap, noauth, ...screen, keys: [] };
  window.standIn = state;
  window.acGetState = () => ({ piece: window.acSTARTING_PIECE });

  let disk; // what has been loaded
  let paintCount = 0;
  let resting = false;
  let colour = [0, 0, 0];
  let halted = false;
  const fill = (x, y, w, h) => {
    context.fillStyle = \`rgb(\${colour})\`;
    context.fillRect(x, y, w, h);
  };
  const api = {
    screen,
    wipe: (...c) => ((colour = c), fill(0, 0, screen.width, screen.height)),
    ink: (...c) => ((colour = c), api),
    box: (x, y, w, h) => (fill(x, y, w, h), api),
    jump,
    needsPaint: () => (resting = false),
    sound: { microphone: { connect() {} } },
    crash: () => (disk = { paint: null }),
    halt() {
      halted = true;
      document.body.textContent = "HALT";
    },
  };

  async function jump(to) {
    window.preloaded = false;
    disk = undefined;
    const found = await load(to);
    disk = found;
    paintCount = 0;
    resting = false;
    state.piece = to;
    state.loads++;
    disk.boot?.(api);
    window.preloaded = true;
  }

  function noise() {
    state.noise++;
    const image = context.createImageData(screen.width, screen.height);
    for (let i = 0; i < image.data.length; i += 4) {
      const grey = Math.random() * 255;
      image.data.set([grey, grey, grey, 255], i);
    }
    context.putImageData(image, 0, 0);
  }

  function frame(now) {
    if (halted) return;
    if (disk?.paint === undefined) noise();
    else if (!resting) {
      resting = disk.paint({ ...api, paintCount: paintCount++ }) === false;
      state.frames++;
      state.lastFrameMs = now;
    }
    requestAnimationFrame(frame);
  }

  window.addEventListener("keydown", (event) => {
    state.keys = [...state.keys, event.key].slice(-32);
    if (["Escape", "\`", "Backspace"].includes(event.key)) jump("prompt");
    else disk?.act?.({ ...api, event: { key: event.key, is: (what) => what === "keyboard:down:" + event.key.toLowerCase() } });
  });
  window.acSEND = (message) => message.type === "jump" && jump(message.content.piece);
  window.acHIDE_BOOT_LOG = () => {};
  requestAnimationFrame(frame);
  jump(piece);
}
`,
  "lib/disk.mjs": `import { pathOf } from "lib/parse.mjs";

export async function load(slug) {
  const path = pathOf(slug);
  const response = await fetch("../" + path + "#" + Date.now());
  if (!response.ok) throw new Error(path + ": " + response.status);
  const source = await response.text();
  if (path.endsWith(".lisp")) {
    const [colour] = source.trim().split(/[\\s,()]+/);
    return { paint: ({ ink, box, screen }) => void box.call(ink(...(COLOURS[colour] ?? [9, 9, 9])), 0, 0, screen.width, screen.height) };
  }
  return import(URL.createObjectURL(new Blob([source], { type: "application/javascript" })));
}

const COLOURS = { purple: [128, 0, 128], blue: [0, 0, 255], red: [255, 0, 0], lime: [0, 255, 0] };
`,
  "lib/parse.mjs": `export function pathOf(slug) {
  if (slug.startsWith("$")) return "disks/" + slug.slice(1) + ".lisp";
  const [name] = slug.split(/[:~]/);
  if (!name.startsWith("@")) return "disks/" + name + ".mjs";
  const [handle, piece] = name.split("/");
  return "media/" + handle + "/piece/" + piece + ".mjs";
}
`,
  "disks/prompt.mjs": "",
  "disks/chat.mjs": "export function boot() {}\n",
};
