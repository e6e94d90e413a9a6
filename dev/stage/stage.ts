import { BLOCK_WIDTH } from "../../src/splash/font.ts";
import { Content } from "./content.ts";
import { heard } from "./outside.ts";
import { Keyboard } from "./keyboard.ts";
import type { FromDisk, Loaded, ToDisk } from "./messages.ts";
import { slugOf } from "./parse.ts";
import { Pens } from "./pens.ts";
import { Raster } from "./raster.ts";
import { keep, kept, forget } from "./store.ts";
import { View } from "./view.ts";
import { Watchdog } from "./watchdog.ts";

// The stage: the page's side of a small Aesthetic Computer (AC's `bios.mjs`). Pieces run in a worker; here
// are the canvas, pens and keys, the address bar, the HTML that pieces add, and AC's globals for its scripts.

const TICK = 1000 / 120; // milliseconds of a `sim`
const MOST_TICKS = 24; // for one frame, however long it took
const ANSWER_SECONDS = 12; // in which a worker has to answer, as in AC
const FRAME_SECONDS = 8; // that a frame may take, which includes `boot`

const query = new URLSearchParams(location.search);
const view = new View(element("canvas"), Number(query.get("density")) || 2);
const content = new Content(element("main"));
const keyboard = new Keyboard(element("input"));
const pens = new Pens((x, y) => view.point(x, y));
const dark = matchMedia("(prefers-color-scheme: dark)");

let worker: Worker | undefined;
let answers: Watchdog | undefined;
let frames: Watchdog | undefined;
let waiting = false; // for the worker to return a frame
let ticks = 0; // of time not simulated yet, with its fraction
let last = performance.now();
let size = view.size;
let whens: Record<string, (content: unknown) => void> = {};
let written: readonly string[] = [];
let piece = "";
const errors: string[] = [];

/** What tests may look at. */
const stage = {
  /** The slug of the piece on stage. */
  get piece() {
    return piece;
  },
  /** All that was written in the frame painted last, in order. */
  text: () => [...written],
  /** Log somebody in, as `jeffrey`; `?handle=jeffrey` does so from the start. */
  logIn: (handle: string) => send({ type: "session", handle }),
  /** What went wrong in pieces, oldest first. */
  get errors() {
    return [...errors];
  },
};

Object.assign(globalThis, {
  stage,
  heard,
  signal: (message: unknown) => send({ type: "signal", content: message }),
  when: (type: string, listener: (content: unknown) => void) => (whens[type] = listener),
  acSEND({ type, content: { piece: to } }: { type: string; content: { piece: string } }) {
    if (type === "jump") send({ type: "load", slug: to, fromHistory: false });
  },
});

window.addEventListener("popstate", () => send({ type: "load", slug: slugOf(location), fromHistory: true }));
window.addEventListener("focus", () => send({ type: "focus-change", content: true }));
window.addEventListener("blur", () => send({ type: "focus-change", content: false }));
window.addEventListener("wheel", ({ deltaX, deltaY }) => {
  const delta = { x: deltaX / view.density, y: deltaY / view.density };
  send({ type: "scroll", content: { ...delta, delta } });
});
window.addEventListener("resize", () => {
  size = view.size;
  send({ type: "reframed" });
});
dark.addEventListener("change", () => send({ type: "dark-mode", content: dark.matches }));

start(slugOf(location));
if (query.has("density")) history.replaceState("", "", location.pathname); // read; AC takes it away too
requestAnimationFrame(frame);

function start(slug: string): void {
  worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "disk" });
  worker.addEventListener("message", ({ data }: MessageEvent<FromDisk>) => receive(data));
  worker.addEventListener("error", (event) => errors.push(event.message));
  worker.addEventListener("message", watch, { once: true }); // from its first sign of life
  waiting = false;
  send({ type: "dark-mode", content: dark.matches });
  send({ type: "load", slug, fromHistory: false });
  const handle = query.get("handle");
  if (handle !== null) stage.logIn(handle);
}

function watch(): void {
  answers = new Watchdog(
    ANSWER_SECONDS,
    () => send({ type: "ping" }),
    () => halt("stopped answering"),
  );
  frames = new Watchdog(
    FRAME_SECONDS,
    () => {
      const stuck = (answers?.seconds ?? 0) > 1; // that is the other's business
      if (!waiting || stuck) frames?.reset(); // and a hidden page wants no frame
    },
    () => halt(`made no frame for ${FRAME_SECONDS} seconds`),
  );
}

function send(message: ToDisk): void {
  worker?.postMessage(message); // oxlint-disable-line unicorn/require-post-message-target-origin -- a worker
}

function frame(now: number): void {
  requestAnimationFrame(frame);
  ticks = Math.min(ticks + (now - last) / TICK, MOST_TICKS);
  last = now;
  if (waiting || !worker) return;
  waiting = true;
  const updates = Math.floor(ticks);
  ticks -= updates;
  const { events, pointers } = pens;
  send({
    type: "frame",
    ...size,
    updates,
    pens: events,
    pointers,
    keys: keyboard.events,
    focused: document.hasFocus(),
  });
  pens.events = [];
  keyboard.events = [];
}

function receive(message: FromDisk): void {
  const { type } = message;
  if (type === "rendered") {
    waiting = false;
    frames?.reset();
    if (message.content.picture) view.show(message.content.picture);
    if (message.content.text) written = message.content.text;
  } else if (type === "pong") answers?.reset();
  else if (type === "disk-loaded") arrived(message.content);
  else if (type === "trouble") errors.push(message.content);
  else if (type === "content-create") content.add(message.content.content);
  else if (type === "content-remove") content.remove();
  else if (type === "signal") {
    const said = typeof message.content === "string" ? { type: message.content } : message.content;
    whens[said.type]?.(said.content);
  } else if (type === "store:persist") keep(message.content);
  else if (type === "store:retrieve") send({ type: "store:retrieved", content: kept(message.content) });
  else if (type === "store:delete") forget(message.content);
  else if (type === "rewrite-url-path") address(message.content.path, message.content.historical);
  else if (type === "back-to-piece") history.back();
  else if (type === "refresh") location.reload();
  else if (type === "web") {
    if (message.content.blank) open(message.content.url);
    else location.href = message.content.url;
  } else if (type === "keyboard:enabled") keyboard.enabled = true;
  else if (type === "keyboard:open") keyboard.open();
  else if (type === "keyboard:close") keyboard.close();
}

/** A piece has taken the stage: nothing of the one before it stays, but for undelivered signals. */
function arrived({ slug, first, fromHistory, alias, title, desc }: Loaded): void {
  content.remove();
  whens = {};
  pens.events = [];
  keyboard.events = [];
  keyboard.enabled = false;
  if (!slug.startsWith("prompt")) keyboard.close();
  piece = slug;
  written = [];
  if (!first && !alias) address(slug, !fromHistory);
  document.title = title || (slug === "prompt" ? "Aesthetic Computer" : `${slug} · Aesthetic Computer`);
  document.querySelector("meta[name=description]")?.setAttribute("content", desc);
}

function address(slug: string, historical = false): void {
  const path = `/${slug.replace(/^\/+/, "")}`;
  try {
    if (historical) history.pushState("", "", path);
    else history.replaceState("", "", path);
  } catch (error) {
    console.warn(error); // a slug that is no path: the piece runs all the same
  }
}

/** End the disk worker and say so, as AC does. */
function halt(why: string): void {
  answers?.stop();
  frames?.stop();
  worker?.terminate();
  worker = undefined;
  const text = [`${piece} ${why}`, "and was halted.", "", "Press any key for the prompt."];
  errors.push(text.slice(0, 2).join(" "));
  written = text;
  const raster = new Raster(view.blank());
  raster.clear([120, 0, 40, 255]);
  raster.color = [255, 220, 235, 255];
  text.forEach((line, i) => raster.text(line, 12, 22 + i * 11, 1, BLOCK_WIDTH));
  view.show(raster.target);
  const again = new AbortController();
  for (const type of ["keydown", "pointerdown"]) {
    window.addEventListener(
      type,
      () => {
        again.abort();
        content.remove();
        history.pushState("", "", "/");
        start("prompt");
      },
      { signal: again.signal },
    );
  }
}

function element<Name extends keyof HTMLElementTagNameMap>(name: Name): HTMLElementTagNameMap[Name] {
  const found = document.querySelector(name);
  if (!found) throw new Error(`The page has no ${name}`);
  return found;
}
