// Runs in each document before the piece does, in a world of its own that the piece cannot see into; page.ts puts
// it there. It reports once that there is something to see: the first contentful paint (W3C Paint Timing; an empty
// canvas is none) and two frames more, or, of a page that stays plain on purpose, frames ten seconds after it has
// loaded. It reports the keys by which people leave a piece of AC. And it keeps from the browser what would lead to its
// own windows: its keys, the context menu, files dropped on the page. First of all, since a piece may keep an event to
// itself; it still gets each of them.
{
  /** @param {string} what */
  const report = (what) => {
    /** @type {((what: string) => void) | undefined} it may come late: page.ts */
    const binding = Reflect.get(globalThis, "kioskReport");
    binding?.(what);
    return binding !== undefined;
  };
  const id = Math.random(); // this document's
  let reported = window !== window.top; // only the page itself is waited for
  const afterTwoFrames = () =>
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (!reported) reported = report("painted");
      }),
    );
  let hasLoaded = () => {};
  /** @type {Promise<void>} */
  const loaded = new Promise((done) => (hasLoaded = done));
  if (document.readyState === "complete") hasLoaded();
  const observer = new PerformanceObserver((list) => {
    if (list.getEntriesByName("first-contentful-paint").length > 0) void loaded.then(afterTwoFrames);
  });
  observer.observe({ type: "paint", buffered: true });
  void loaded.then(() => setTimeout(afterTwoFrames, 10_000));

  // What edits text stays, and Ctrl-R and F5, which start the piece again
  const editing = new Set(["a", "c", "v", "x", "z", "y", "r", "backspace", "delete", "home", "end"]);
  /** @param {KeyboardEvent} event */
  const isBrowsers = ({ key, ctrlKey, metaKey, altKey, shiftKey }) =>
    /^F\d+$/.test(key)
      ? key !== "F5"
      : /^(?:Browser|Launch|Close$|New$)/.test(key) ||
        altKey ||
        (shiftKey && key === "Escape") ||
        (ctrlKey && shiftKey && /^(?:a|delete)$/i.test(key)) ||
        ((ctrlKey || metaKey) && !key.startsWith("Arrow") && !editing.has(key.toLowerCase()));
  /** Whether keys write into something: Backspace and backtick are then no way out. */
  const isWriting = () => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    return at instanceof HTMLElement && (at.isContentEditable || at.matches("input, textarea"));
  };
  /** @param {KeyboardEvent} event */
  const leaves = ({ key, repeat, isTrusted }) =>
    isTrusted && !repeat && (key === "Escape" || ((key === "`" || key === "Backspace") && !isWriting()));

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (isBrowsers(event)) event.preventDefault();
    if (leaves(event)) report(`key ${id}`);
  };
  /** @param {WheelEvent} event */
  const onWheel = (event) => void (event.ctrlKey && event.preventDefault()); // zooms
  /** @param {Event} event */
  const prevent = (event) => event.preventDefault();
  const onLeft = () => report(`left ${id}`); // ac.ts has the page say so
  const first = { capture: true, passive: false };
  const listen = () => {
    addEventListener("load", hasLoaded, { once: true });
    window.addEventListener("keydown", onKey, first);
    window.addEventListener("wheel", onWheel, first);
    for (const type of ["contextmenu", "dragover", "drop"]) addEventListener(type, prevent, first);
    addEventListener("kiosk-left", onLeft, first);
  };
  listen();
  // `document.open`, by which bundles that unpack themselves write their page, takes every listener off the window, those
  // of this world too (HTML, "document open steps"). An observer stays, and sees the root element change. What is there
  // still is not added twice.
  new MutationObserver(listen).observe(document, { childList: true });
}
