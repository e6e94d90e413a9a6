/** A part of the canvas, in fractions of its width and height from its upper left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** How wide a screen the bundle is given, in CSS pixels: it is shown as a computer will show it. */
const SCREEN_WIDTH = 1280;

/** How often a bundle may take the focus before it is shown no more: each time, keys may be lost. */
const MAX_FOCUS_THEFTS = 10;

let holder: HTMLElement | undefined;
let frame: HTMLIFrameElement | undefined;
let address = "";
let showing: Blob | undefined;
let focusThefts = 0; // by the bundle that is shown
const sizes = new ResizeObserver(fit);

/**
 * Run `bundle`, the very bytes that will boot, in a frame over `box` of the canvas (`os:preview`); the same one
 * again is only moved. It is isolated: of another origin, without the person's taps and keys, without
 * downloads, windows, dialogs or a referrer. Goes with AC's `#content` when the piece is left; call
 * `hidePreview` then too.
 */
export function showPreview(bundle: Blob, box: Box): void {
  if (!holder?.isConnected || bundle !== showing) {
    hidePreview();
    ({ holder, frame, address } = create(bundle));
    showing = bundle;
    focusThefts = 0;
    over().append(holder);
    sizes.observe(holder);
    window.addEventListener("blur", giveBack);
  }
  holder.style.left = percent(box.x);
  holder.style.top = percent(box.y);
  holder.style.width = percent(box.width);
  holder.style.height = percent(box.height);
  fit();
}

/** Take it away, and end what runs in it. */
export function hidePreview(): void {
  window.removeEventListener("blur", giveBack);
  sizes.disconnect();
  holder?.remove();
  if (address) URL.revokeObjectURL(address);
  holder = frame = showing = undefined;
  address = "";
}

function create(bundle: Blob) {
  // From a blob: what is relative in it has nothing to be relative to, as on a stick without a network.
  const made = URL.createObjectURL(new Blob([bundle], { type: "text/html; charset=utf-8" }));
  const iframe = document.createElement("iframe");
  iframe.setAttribute("sandbox", "allow-scripts");
  iframe.referrerPolicy = "no-referrer";
  iframe.allow = "";
  iframe.inert = true; // for screen readers there is nothing in it
  iframe.tabIndex = -1;
  iframe.title = "Preview";
  iframe.src = made;
  iframe.style.cssText = "border:0;transform-origin:0 0;pointer-events:none;background:#000";
  const around = document.createElement("div");
  around.style.cssText = "position:absolute;overflow:hidden;pointer-events:none";
  around.append(iframe);
  return { holder: around, frame: iframe, address: made };
}

/** What covers AC's canvas exactly, and is taken away with the piece. */
function over(): Element {
  const content = document.querySelector("#content");
  if (!content) throw new Error("There is no piece on the page");
  return content;
}

/** The frame keeps its screen's width, and is made smaller to fill its holder. */
function fit(): void {
  if (!holder || !frame) return;
  const { clientWidth: width, clientHeight: height } = holder;
  if (width === 0) return;
  const scale = width / SCREEN_WIDTH;
  frame.style.width = `${SCREEN_WIDTH}px`;
  frame.style.height = `${height / scale}px`;
  frame.style.transform = `scale(${scale})`;
}

/**
 * Take the focus back from a bundle that has taken it: keys belong to the piece that shows it. In a task of its own,
 * because who has the focus is known only then. Chromium lets a frame have it in spite of `inert`.
 */
function giveBack(): void {
  setTimeout(() => {
    if (!frame || document.activeElement !== frame) return; // the person has gone elsewhere
    frame.blur();
    window.focus();
    focusThefts += 1;
    if (focusThefts > MAX_FOCUS_THEFTS) frame.remove();
  });
}

function percent(part: number): string {
  return `${100 * part}%`;
}
