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
  const HELD_MS = 1500;
  const PAD_MS = 100;
  const CORNER = 0.1; // of the screen, each way
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
  // What leads to the menu from any piece is held, so that pieces keep what is pressed: Escape, the upper left corner of a
  // touch screen, Select on a gamepad (with Start it asks for something else)
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let holding;
  const letGo = () => clearTimeout(holding);
  const hold = () => {
    letGo();
    holding = setTimeout(() => report(`held ${id}`), HELD_MS);
  };
  /** @param {KeyboardEvent} event */
  const onKeyHeld = ({ key, repeat, isTrusted }) => {
    if (isTrusted && !repeat) (key === "Escape" ? hold : letGo)();
  };
  /** @param {PointerEvent} event */
  const onPointer = ({ type, pointerType, isTrusted, clientX, clientY }) => {
    if (!isTrusted || pointerType !== "touch" || window !== window.top) return;
    const isCorner = clientX < innerWidth * CORNER && clientY < innerHeight * CORNER;
    if (type === "pointerdown" && isCorner) hold();
    else if (type !== "pointermove" || !isCorner) letGo();
  };
  let padHeld = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let looking;
  const lookAtPads = () => {
    const pads = navigator.getGamepads().filter((pad) => pad !== null);
    const held = pads.some(({ buttons }) => buttons[8]?.pressed === true && buttons[9]?.pressed !== true);
    if (held !== padHeld) (held ? hold : letGo)();
    padHeld = held;
    if (pads.length > 0) looking = setTimeout(lookAtPads, PAD_MS);
  };
  const onPad = () => {
    clearTimeout(looking);
    looking = setTimeout(lookAtPads, PAD_MS);
  };
  /** @param {Event} event from the menu, where the session believes it: which piece is chosen */
  const onOpen = (event) =>
    report(`open ${id} ${location.origin} ${event instanceof CustomEvent ? String(event.detail) : ""}`);
  const onLeft = () => report(`left ${id}`); // ac.ts has the page say so
  const first = { capture: true, passive: false };
  const listen = () => {
    addEventListener("load", hasLoaded, { once: true });
    window.addEventListener("keydown", onKey, first);
    window.addEventListener("wheel", onWheel, first);
    for (const type of ["contextmenu", "dragover", "drop"]) addEventListener(type, prevent, first);
    addEventListener("kiosk-left", onLeft, first);
    addEventListener("kiosk-open", onOpen, first);
    window.addEventListener("keydown", onKeyHeld, first);
    for (const type of ["keyup", "blur"]) addEventListener(type, letGo, first);
    for (const type of ["pointerdown", "pointermove", "pointerup"]) {
      window.addEventListener(/** @type {"pointerdown"} */ (type), onPointer, first);
    }
    if (window === window.top) addEventListener("gamepadconnected", onPad, first);
  };
  listen();
  // `document.open`, by which bundles that unpack themselves write their page, takes every listener off the window, those
  // of this world too (HTML, "document open steps"). An observer stays, and sees the root element change. What is there
  // still is not added twice.
  new MutationObserver(listen).observe(document, { childList: true });
}
