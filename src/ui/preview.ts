import { pageOnScreen } from "../bundle/density.ts";
import { mute, prepareMute } from "./mute.ts";

/** A part of the canvas, in fractions of its width and height from its upper left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The screen that the bundle is given, in CSS pixels: it is shown as a computer will show it. */
const SCREEN = { width: 1280, height: 720 };

/** How often a bundle may take the focus before it runs no more: each time, keys may be lost. */
const MAX_FOCUS_THEFTS = 10;

/** How often the session history is looked at. */
const HISTORY_INTERVAL_MS = 500;

/**
 * What browsers allow a frame unless told otherwise and a preview has no use for: it gets no keys, taps or gamepads,
 * and is not to speak, stay on top of other windows, or learn who looks at it. All else needs to be granted.
 */
const DENIED = "aria-notify browsing-topics gamepad picture-in-picture storage-access"
  .split(" ")
  .map((feature) => `${feature} 'none'`)
  .join("; ");

/**
 * What a bundle may load: what it carries itself. It stands in a document of ours around the bundle's, which inherits it,
 * and into which no other document can be put in the bundle's place: where the bundle went, requests would go again.
 */
const POLICY = "default-src data: blob: 'unsafe-inline' 'unsafe-eval'; form-action 'none'";

/** What is over the canvas. */
interface Shown {
  readonly bundle: Blob;
  readonly name: string;
  readonly by: string | undefined;
  readonly holder: HTMLElement;
  /** Within `holder`. In a shadow tree: AC parses all of `#content` anew to add to it, copying what it finds. */
  readonly tree: ShadowRoot;
  /** A still picture has none. */
  frame: HTMLIFrameElement | undefined;
  readonly urls: string[];
  /** Aborted when it is taken away. */
  readonly over: AbortController;
}

let shown: Shown | undefined;
const sizes = new ResizeObserver(fit);

/**
 * Run `bundle`, what will boot, told which screen it has as the kiosk tells it, in a frame over `box` of the canvas (`os:preview`); the same one
 * again is only moved. It is isolated: of another origin, without the person's taps and keys, without
 * downloads, windows, dialogs or a referrer, and the page's listeners get nothing from its messages. It has no
 * network, as on a stick that nobody has allowed it: in WebKit requests would carry AC's cookies. Where it cannot be isolated, or does not behave, there is the picture that a
 * computer shows while it starts the piece called `name`, built by `by`. Goes with AC's `#content` when the piece is left; call
 * `hidePreview` then too.
 */
export function showPreview(bundle: Blob, box: Box, name: string, by?: string): void {
  if (!shown?.holder.isConnected || shown.bundle !== bundle) {
    hidePreview();
    shown = open(bundle, name, by);
    if (canIsolate()) run(shown);
    else stop(shown);
  }
  const { holder } = shown;
  holder.style.left = percent(box.x);
  holder.style.top = percent(box.y);
  holder.style.width = percent(box.width);
  holder.style.height = percent(box.height);
  fit();
}

/** Take it away, and end what runs in it. */
export function hidePreview(): void {
  shown?.over.abort();
  sizes.disconnect();
  shown?.holder.remove();
  shown?.urls.forEach((url) => URL.revokeObjectURL(url));
  shown = undefined;
}

/** Whether a bundle can do nothing to this page, nor to one that has this page in a frame or has opened it. */
function canIsolate(): boolean {
  return window.parent === window && !window.opener && prepareMute();
}

/** An empty place over the canvas. */
function open(bundle: Blob, name: string, by: string | undefined): Shown {
  const content = document.querySelector("#content"); // covers AC's canvas exactly, and goes with the piece
  if (!content) throw new Error("There is no piece on the page");
  const holder = document.createElement("div");
  holder.style.cssText = "position:absolute;overflow:hidden;pointer-events:none";
  const tree = holder.attachShadow({ mode: "open" });
  content.append(holder);
  sizes.observe(holder);
  return { bundle, name, by, holder, tree, frame: undefined, urls: [], over: new AbortController() };
}

/** Let the bundle run in it. */
function run(to: Shown): void {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.referrerPolicy = "no-referrer";
  frame.allow = DENIED;
  frame.inert = true; // for screen readers there is nothing in it
  frame.tabIndex = -1;
  frame.title = "Preview";
  frame.style.cssText = "border:0;transform-origin:0 0;pointer-events:none;background:#000";
  to.tree.append(frame);
  mute(frame.contentWindow!); // which is empty still
  to.frame = frame;
  const { signal } = to.over;
  void load(to, frame).catch(() => stop(to)); // the build that has the bundle is over
  let thefts = 0;
  window.addEventListener(
    "blur",
    () =>
      giveBack(to, () => {
        thefts += 1;
        if (thefts > MAX_FOCUS_THEFTS) stop(to);
      }),
    { signal },
  );
  watchHistory(() => stop(to), signal);
}

/** Put the bundle into a frame within `frame`, below a document with our policy. */
async function load(to: Shown, frame: HTMLIFrameElement): Promise<void> {
  const html = pageOnScreen(await to.bundle.text(), SCREEN)
    .replaceAll("&", "&amp;")
    .replaceAll('"', "&quot;");
  if (to.over.signal.aborted) return;
  // What is relative in the bundle is relative to a name that nobody can have (RFC 2606), not to this page's address.
  const outer = `<!doctype html><meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${POLICY}">
    <base href="https://preview.invalid/">
    <style>html, body, iframe { display: block; margin: 0; border: 0; width: 100%; height: 100%; }</style>
    <iframe sandbox="allow-scripts" srcdoc="${html}"></iframe>`;
  // From a blob: WebKit runs no srcdoc within a srcdoc within a srcdoc, which bundles may have.
  frame.src = urlOf(new Blob([outer], { type: "text/html" }), to);
}

/** Show the picture of the piece in it, instead of the bundle if that runs. */
function stop(to: Shown): void {
  to.over.abort();
  to.tree.replaceChildren();
  to.frame = undefined;
  const image = document.createElement("img");
  image.alt = ""; // the name is on the canvas
  image.style.cssText = "width:100%;height:100%;object-fit:contain;background:#000";
  to.tree.append(image);
  void draw(to, image).catch(() => {}); // the network is gone: it stays black
}

async function draw(to: Shown, image: HTMLImageElement): Promise<void> {
  const { splash } = await import("../splash/splash.ts"); // 20 kB that most visits can do without
  const picture = new Blob([await splash(to.name, to.by)], { type: "image/png" });
  if (shown === to) image.src = urlOf(picture, to);
}

/** An address for `blob`, for as long as it is shown. */
function urlOf(blob: Blob, to: Shown): string {
  const url = URL.createObjectURL(blob);
  to.urls.push(url);
  return url;
}

/** The frame keeps its screen's width, and is made smaller to fill its holder. */
function fit(): void {
  if (!shown?.frame) return;
  const { holder, frame } = shown;
  const { clientWidth: width, clientHeight: height } = holder;
  if (width === 0) return;
  const scale = width / SCREEN.width;
  frame.style.width = `${SCREEN.width}px`;
  frame.style.height = `${height / scale}px`;
  frame.style.transform = `scale(${scale})`;
}

/**
 * Take the focus back from a bundle that has taken it: keys belong to the piece that shows it. In a task of its own,
 * because who has the focus is known only then. Chromium lets a frame have it in spite of `inert`.
 */
function giveBack({ holder, frame }: Shown, onTheft: () => void): void {
  setTimeout(() => {
    if (!frame?.isConnected || document.activeElement !== holder) return; // the person has gone elsewhere
    frame.blur();
    window.focus();
    onTheft();
  });
}

/**
 * Call `onEntry` when the session history has grown and the page's own address is what it was: then a frame has added
 * to it. The person would go back through its entries one by one, and in Chromium and WebKit they outlive the frame.
 */
function watchHistory(onEntry: () => void, signal: AbortSignal): void {
  let { length } = history;
  let { href } = location;
  const look = () => {
    const isFrames = history.length > length && location.href === href;
    ({ length } = history);
    ({ href } = location);
    if (isFrames) onEntry();
  };
  const timer = setInterval(look, HISTORY_INTERVAL_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function percent(part: number): string {
  return `${100 * part}%`;
}
