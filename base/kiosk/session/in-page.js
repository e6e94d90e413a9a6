// Runs in each document before the piece does, in a world of its own that the piece cannot see into; page.ts puts
// it there. It reports once that there is something to see: the first contentful paint (W3C Paint Timing; an empty
// canvas is none) and two frames more, or, of a page that stays plain on purpose, frames ten seconds after it has
// loaded. And it keeps from the browser what would lead to its own windows: its keys, the context menu, files
// dropped on the page. First of all, since a piece may keep an event to itself; it still gets each of them.
{
  /** @type {((what: string) => void) | undefined} absent in frames: only the page itself is waited for */
  const report = Reflect.get(globalThis, "kioskReport");
  let reported = false;
  const afterTwoFrames = () =>
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (!reported) report?.("painted");
        reported = true;
      }),
    );
  const loaded = new Promise((done) => {
    if (document.readyState === "complete") done(undefined);
    else addEventListener("load", done, { once: true });
  });
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
  const first = { capture: true, passive: false };
  window.addEventListener("keydown", (event) => void (isBrowsers(event) && event.preventDefault()), first);
  window.addEventListener("wheel", (event) => void (event.ctrlKey && event.preventDefault()), first); // zooms
  for (const type of ["contextmenu", "dragover", "drop"]) {
    addEventListener(type, (event) => event.preventDefault(), first);
  }
}
