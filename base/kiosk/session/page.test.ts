import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { AC_STATE } from "./ac.ts";
import { openPage, type Page, type PageOptions, type Place } from "./page.ts";
import type { Event, Protocol } from "./protocol.ts";

const ORIGIN = "http://127.0.0.1";

const placeAt = (url: string): Place => ({ url, allow: [], instead: (reason) => `${ORIGIN}/${reason}` });

/** A browser with a page that does what a test says. */
class FakeBrowser {
  readonly events = new EventEmitter<{ event: [Event] }>();
  /** What has been asked for, but for `Runtime.addBinding` and what came before the page was opened. */
  readonly asked: string[] = [];
  /** Called for each command before it is answered; one that `false` comes back for is never answered. */
  when = (_method: string): boolean => true;
  /** What the page says of itself. */
  ac: object | null = null;

  emit(method: string, params: object): void {
    this.events.emit("event", { method, params: { ...params }, sessionId: "page" });
  }
  /** The page has another document, which paints. */
  comes(url: string): void {
    this.emit("Page.frameNavigated", { frame: { url } });
    this.reports("painted");
  }
  reports(payload: string): void {
    this.emit("Runtime.bindingCalled", { name: "kioskReport", payload });
  }

  async send(method: string, params: { url?: string; expression?: string } = {}): Promise<object> {
    if (method === "Target.setDiscoverTargets") {
      queueMicrotask(() =>
        this.emit("Target.targetCreated", { targetInfo: { type: "page", targetId: "1" } }),
      );
    }
    if (method === "Target.attachToTarget") return { sessionId: "page" };
    if (method === "Page.navigate") this.asked.push(params.url!.replace(ORIGIN, ""));
    else if (this.asked.length > 0 && method !== "Runtime.addBinding") this.asked.push(method);
    if (!this.when(method)) return await new Promise(() => {});
    if (method === "Page.navigate") queueMicrotask(() => this.comes(params.url!));
    if (params.expression === AC_STATE) return { result: { value: this.ac } };
    return { result: {} };
  }

  async open(timeoutSeconds = 20, options: Partial<PageOptions> = {}): Promise<Page> {
    return await openPage(this as unknown as Protocol, this.events, {
      ...placeAt(`${ORIGIN}/piece`),
      timeoutSeconds,
      ...options,
    });
  }
}

test.each(["Page.navigate", "Runtime.evaluate", "Page.resetNavigationHistory", "Runtime.disable"])(
  "a page that is opened anew before it has answered %s is waited for",
  async (method) => {
    const browser = new FakeBrowser();
    let times = 0;
    browser.when = (asked) => {
      if (asked !== method || times++ > 0) return true;
      queueMicrotask(() => browser.comes(`${ORIGIN}/piece`));
      return false;
    };
    const { shown } = await browser.open();
    expect(await shown).toBeUndefined();
    expect(browser.asked.at(-1)).toBe("Runtime.disable");
  },
);

test.each([
  "Runtime.enable",
  "Page.navigate",
  "Runtime.evaluate",
  "Page.resetNavigationHistory",
  "Runtime.disable",
])("a page that never answers %s is lost, and not waited for without end", async (method) => {
  const browser = new FakeBrowser();
  browser.when = (asked) => asked !== method;
  const { shown, lost } = await browser.open(0.05);
  await expect(shown).rejects.toThrow();
  expect(await lost).toMatch(/^the page has not (?:answered|painted) within 0 s$/);
});

test("a key while the page is opened is not taken for the piece's own doing, however often", async () => {
  const browser = new FakeBrowser();
  browser.ac = { piece: "frog", loaded: true };
  let opened = 0;
  let seen = () => {};
  browser.when = (method) => {
    if (method === "Runtime.disable" && opened++ < 12) {
      browser.reports(`key ${opened}`);
      browser.reports(`left ${opened}`); // AC goes to its prompt
    }
    if (opened > 12) seen();
    return true;
  };
  const over = new Promise<void>((done) => (seen = done));
  await browser.open();
  await over;
  expect(new Set(browser.asked.filter((what) => what.startsWith("/")))).toEqual(new Set(["/piece"]));
});

const BLUE = "http://127.0.0.2";
const MENU = { page: placeAt(`${ORIGIN}/menu`), pieces: new Map([["blue", placeAt(`${BLUE}/blue`)]]) };

test.each(["Page.navigate", "Runtime.evaluate", "Page.resetNavigationHistory", "Runtime.disable"])(
  "a piece that is chosen in a menu that has not yet answered %s is opened",
  async (method) => {
    const browser = new FakeBrowser();
    let opened = () => {};
    const isOpened = new Promise<void>((done) => (opened = done));
    let chosen = false;
    browser.when = (asked) => {
      if (asked === method && !chosen) {
        chosen = true;
        queueMicrotask(() => browser.reports(`open 1 ${ORIGIN} blue`));
      }
      if (browser.asked.includes(`${BLUE}/blue`)) opened();
      return true;
    };
    await browser.open(20, { ...MENU.page, menu: MENU });
    await isOpened;
  },
);

test("a piece is not believed when it says that another one was chosen", async () => {
  const browser = new FakeBrowser();
  const { shown } = await browser.open(20, { ...MENU.page, menu: MENU });
  await shown;
  await new Promise(setImmediate);
  browser.reports(`open 2 ${BLUE} blue`);
  await new Promise(setImmediate);
  expect(browser.asked).not.toContain(`${BLUE}/blue`);
  browser.reports(`open 1 ${ORIGIN} blue`);
  await expect.poll(() => browser.asked).toContain(`${BLUE}/blue`);
});
