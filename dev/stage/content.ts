/** The page's HTML that a piece puts over the canvas, with AC's ways (`content-create` in `bios.mjs`). */
export class Content {
  readonly #wrapper: HTMLElement;
  #frame: HTMLElement | undefined;

  constructor(wrapper: HTMLElement) {
    this.#wrapper = wrapper;
    globalThis.acCONTENT_EVENTS = [];
  }

  /**
   * Add `html`. All that is there already is parsed anew, and of all the scripts of a visit the first
   * alone is run: one with `src` as a module of the page, loaded afresh; another by `eval`.
   */
  add(html: string): void {
    if (!this.#frame) {
      this.#frame = document.createElement("div");
      this.#frame.id = "content";
      this.#wrapper.append(this.#frame);
    }
    this.#frame.innerHTML += html;
    const script = this.#frame.querySelector("script");
    if (!script || script.dataset.evaluated) return;
    if (script.src) {
      const run = document.createElement("script");
      run.type = "module";
      run.src = `${script.src}#${Date.now()}`;
      run.dataset.evaluated = "true";
      this.#frame.append(run);
      script.remove();
    } else if (script.innerText) {
      script.dataset.evaluated = "true";
      (0, eval)(script.innerText); // oxlint-disable-line no-eval -- as AC does, in the page's own scope
    }
  }

  /** Take all away and tell whoever asked to be told. */
  remove(): void {
    this.#frame?.remove();
    this.#frame = undefined;
    const listeners = globalThis.acCONTENT_EVENTS;
    globalThis.acCONTENT_EVENTS = [];
    for (const listener of listeners) listener();
  }
}

declare global {
  var acCONTENT_EVENTS: (() => void)[];
}
