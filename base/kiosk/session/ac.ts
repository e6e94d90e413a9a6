/** What a page of AC's says of its piece; of any other page there is nothing to say. */
export interface AcState {
  /** The piece that it starts with. */
  readonly piece: string;
  /** That piece, or one it has gone to, has been loaded and has run its `boot`. */
  readonly loaded: boolean;
  /** What stands there instead of a canvas when its runtime has not come up. */
  readonly failed?: string;
}

/**
 * An expression for the page's own world, with an `AcState`, or null in a page that is not AC's. AC's bundles are known by
 * `acPACK_MODE`. Its runtime sets `preloaded` when a piece has been loaded and booted, unless the piece asks by
 * `waitForPreload` that its picture be taken later; before that its canvas has noise. What AC writes into the page when
 * its runtime cannot be imported begins with "Boot failed:".
 */
export const AC_STATE = `(() => {
  if (window.acPACK_MODE !== true) return null;
  const words = document.querySelector("canvas") ? "" : (document.body?.innerText ?? "").slice(0, 500);
  return {
    piece: String(window.acSTARTING_PIECE),
    loaded: window.preloaded === true || window.waitForPreload === true,
    ...(/^Boot failed: /.test(words) ? { failed: words } : {}),
  };
})()`;

/**
 * An expression for the page's own world, to be run once: from then on the page says `kiosk-left` (an event, which
 * in-page.js hears) when AC goes to a piece that is not there: to `prompt` or `chat`, which are empty in every bundle,
 * or to one that the bundle does not hold. AC's runtime asks `VFS` for each piece it goes to, by its path.
 */
export const AC_WATCH = `(() => {
  const own = String(window.acSTARTING_PIECE).split(/[:~]/, 1)[0].replace(/^\\$|^.*\\//, "");
  const files = window.VFS;
  if (files === null || typeof files !== "object") return;
  window.VFS = new Proxy(files, {
    get(target, path, receiver) {
      const file = Reflect.get(target, path, receiver);
      const name = /^(?:disks|media\\/[^/]+\\/piece)\\/([^/]+)\\.(?:mjs|lisp)$/.exec(String(path))?.[1];
      if (name !== undefined && name !== own && (file === undefined || name === "prompt" || name === "chat"))
        window.dispatchEvent(new Event("kiosk-left"));
      return file;
    },
  });
})()`;

/** An expression with a promise that is kept two frames on, when what was drawn meanwhile is on the screen. */
export const TWO_FRAMES = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))`;
