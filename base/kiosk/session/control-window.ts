import type { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Event, Protocol } from "./protocol.ts";

/** The name by which our page calls; it is there in its own target alone. */
const BINDING = "kioskControl";
/** For the browser itself to answer; pages have no part in it. */
const ANSWER_MS = 20_000;

/** The window has been closed while something was still asked of it, which then is never answered. */
export class WindowClosedError extends Error {
  override readonly name = "WindowClosedError";
}

/** What is opened. */
export interface WindowContent {
  readonly html: string;
  /** Runs once `html` is there. */
  readonly script: string;
  /** Called with what the page gives the binding, if it is JSON. */
  readonly onCall: (message: unknown) => void;
}

/**
 * A second window of the browser that shows a piece, with a page of ours in it. It has no address: it is written into an
 * empty document, and what it calls exists for it alone, so no piece can open it, reach it, or do what it does.
 */
export class ControlWindow {
  readonly #protocol: Protocol;
  #target: string | undefined;
  #session: string | undefined;
  #opening: Promise<unknown> = Promise.resolve();
  #onCall: (message: unknown) => void = () => {};
  #closed: Promise<void> = Promise.resolve();
  #isClosed = () => {};

  constructor(protocol: Protocol, events: EventEmitter<{ event: [Event] }>) {
    this.#protocol = protocol;
    events.on("event", ({ method, params, sessionId }) => {
      if (method === "Runtime.bindingCalled" && params.name === BINDING && sessionId === this.#session) {
        this.#called(String(params.payload));
      }
      if (method === "Target.targetDestroyed" && params.targetId === this.#target) this.#gone();
      if (method === "Inspector.targetCrashed" && sessionId === this.#session && this.#session)
        void this.close();
    });
  }

  /** Whether a page that has come to be is this one: while it is opened, that is known only afterwards. */
  async owns(targetId: string): Promise<boolean> {
    await this.#opening.catch(() => {});
    return targetId === this.#target;
  }

  /**
   * Open it; once it is there, `closed` of what this resolves with says when it ends. Throws `WindowClosedError` when it has
   * ended before, `Error` when the browser does not open it.
   */
  async open({ html, script, onCall }: WindowContent): Promise<{ readonly closed: Promise<void> }> {
    const created = this.#ask("Target.createTarget", { url: "about:blank", newWindow: true });
    this.#opening = created.then(({ targetId }) => (this.#target = String(targetId)));
    await this.#opening;
    const closed = (this.#closed = new Promise<void>((done) => (this.#isClosed = done)));
    try {
      const targetId = this.#target;
      const attached = await this.#ask("Target.attachToTarget", { targetId, flatten: true });
      this.#session = String(attached.sessionId);
      this.#onCall = onCall;
      const { windowId } = await this.#ask("Browser.getWindowForTarget", { targetId });
      const bounds = { windowState: "fullscreen" };
      await this.#ask("Browser.setWindowBounds", { windowId, bounds }).catch(() => {}); // it is a window, then
      const to = this.#session;
      await this.#ask("Inspector.enable", {}, to);
      await this.#ask("Page.enable", {}, to);
      await this.#ask("Runtime.enable", {}, to);
      await this.#ask("Runtime.addBinding", { name: BINDING }, to);
      const { frameTree } = await this.#ask("Page.getFrameTree", {}, to);
      const frameId = (frameTree as { frame: { id: string } }).frame.id;
      await this.#ask("Page.setDocumentContent", { frameId, html }, to);
      await this.evaluate(script);
      return { closed };
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** The browser's name and version. Throws `Error` when it does not say. */
  async product(): Promise<string> {
    return String((await this.#ask("Browser.getVersion", {})).product);
  }

  /** Run `expression` in the page, if it is there. Throws `Error` when the page objects. */
  async evaluate(expression: string): Promise<void> {
    if (this.#session === undefined) return;
    const { exceptionDetails } = await this.#ask("Runtime.evaluate", { expression }, this.#session);
    if (exceptionDetails) throw new Error(`the settings page: ${JSON.stringify(exceptionDetails)}`);
  }

  /** Close it, if it is open; never throws. */
  async close(): Promise<void> {
    const targetId = this.#target;
    if (targetId === undefined) return;
    await this.#ask("Target.closeTarget", { targetId }).catch(() => {}); // the browser has gone
    if (this.#target === targetId) this.#gone();
  }

  #gone(): void {
    this.#target = this.#session = undefined;
    this.#isClosed();
  }

  #called(payload: string): void {
    let message: unknown;
    try {
      message = JSON.parse(payload);
    } catch {
      return;
    }
    this.#onCall(message);
  }

  async #ask(method: string, params: object, to?: string): Promise<Record<string, unknown>> {
    const over = new AbortController();
    const late = delay(ANSWER_MS, undefined, { signal: over.signal }).then(() => {
      throw new Error(`the browser has not answered ${method} within ${ANSWER_MS / 1000} s`);
    });
    late.catch(() => {}); // called off
    const closed = this.#closed.then(() => {
      throw new WindowClosedError(`${method}: the window is closed`);
    });
    closed.catch(() => {}); // later on
    try {
      const answer = Promise.race([this.#protocol.send(method, params, to), late]);
      return await (to === undefined ? answer : Promise.race([answer, closed]));
    } finally {
      over.abort();
    }
  }
}
