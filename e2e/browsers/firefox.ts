import { mkdirSync } from "node:fs";
import puppeteer, { type Browser as Puppeteer } from "puppeteer-core";
import { firstOf, folders, suspend, type Browser, type Driver } from "./browser.ts";

const executable = firstOf(process.env["FIREFOX"], "/usr/bin/firefox-esr");

/** Of all that may be stored, a site may have one in so many. */
const SHARE = 5;

/** Debian's Firefox ESR, by WebDriver BiDi. */
export const firefox: Driver = {
  name: "Firefox",
  missing: executable
    ? undefined
    : "no Firefox: Debian has it as firefox-esr, elsewhere name one (no snap) with FIREFOX=/path",
  async launch({ quota } = {}) {
    const { home, downloads, remove } = folders();
    mkdirSync(downloads);
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: executable!,
      userDataDir: `${home}/profile`,
      headless: true,
      args: ["--remote-allow-system-access"], // its own window is where downloads are cancelled
      defaultViewport: { width: 960, height: 600 },
      protocolTimeout: 0,
      extraPrefsFirefox: {
        "browser.download.folderList": 2,
        "browser.download.dir": downloads,
        "browser.download.useDownloadDir": true,
        "browser.download.alwaysOpenPanel": false,
        "browser.download.always_ask_before_handling_new_types": false,
        "browser.helperApps.neverAsk.saveToDisk": "application/octet-stream",
        ...(quota === undefined
          ? {}
          : { "dom.quotaManager.temporaryStorage.fixedLimit": Math.ceil(quota / 1024) * SHARE }), // KiB
      },
    });
    const page = await browser.newPage();
    page.on("dialog", (dialog) => void dialog.accept());
    return {
      name: "Firefox",
      downloads,
      leaves: "name and part",
      open: async (url) => void (await page.goto(url)),
      reload: async () => void (await page.reload()),
      type: async (text) => await page.keyboard.type(text),
      press: async (key) => await page.keyboard.press(key as "Enter"),
      evaluate: async <T>(expression: string) => (await page.evaluate(expression)) as T,
      cancelDownloads: async () =>
        await inChrome(
          browser,
          `const { Downloads } = ChromeUtils.importESModule("resource://gre/modules/Downloads.sys.mjs");
           for (const each of await (await Downloads.getList(Downloads.ALL)).getAll()) {
             await each.cancel();
             await each.removePartialData(); // as the button of its list does
           }`,
        ),
      stopServiceWorkers: async () =>
        await inChrome(
          browser,
          `const manager = Cc["@mozilla.org/serviceworkers/manager;1"].getService(Ci.nsIServiceWorkerManager);
           const all = manager.getAllRegistrations();
           for (let i = 0; i < all.length; i++) {
             const worker = all.queryElementAt(i, Ci.nsIServiceWorkerRegistrationInfo).activeWorker;
             if (worker) await worker.terminateWorker();
           }`,
        ),
      async hide() {
        await (await browser.newPage()).bringToFront();
        await page.waitForFunction(() => document.visibilityState === "hidden", { polling: 100 });
      },
      show: async () => await page.bringToFront(),
      sleep: async (ms) => await suspend(browser.process()?.pid, ms),
      async [Symbol.asyncDispose]() {
        await browser.close();
        await remove();
      },
    } satisfies Browser;
  },
};

/** Connections of Puppeteer's browsers, which it has but does not show. */
interface Bidi {
  readonly connection: { send(method: string, params: object): Promise<{ result: unknown }> };
}

/** Run the body of an async function with the rights of the browser's own window. */
async function inChrome(browser: Puppeteer, body: string): Promise<void> {
  const { connection } = browser as unknown as Bidi;
  const { result: tree } = await connection.send("browsingContext.getTree", { "moz:scope": "chrome" });
  const [window] = (tree as { contexts: { context: string }[] }).contexts;
  const { result } = await connection.send("script.evaluate", {
    expression: `(async () => { ${body} })()`,
    target: { context: window?.context },
    awaitPromise: true,
  });
  const { type, exceptionDetails } = result as { type: string; exceptionDetails?: { text: string } };
  if (type !== "success") throw new Error(exceptionDetails?.text);
}
