import { mkdirSync, writeFileSync } from "node:fs";
import puppeteer, { type CDPSession } from "puppeteer-core";
import { chromiumPath, chromiumArgs } from "../../src/testing/chromium.ts";
import { openDisplay } from "./display.ts";
import { firstOf, folders, suspend, type Browser, type Driver } from "./browser.ts";

const executable = firstOf(chromiumPath);

/** Flags of Puppeteer's that exempt hidden tabs from throttling: they are left out. */
const EXEMPTIONS = [
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
];

/** Throttle a hidden tab's timers to once a minute after ten seconds, where people's browsers take five minutes. */
const THROTTLE_SOON = "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10";

/** Where GTK's dialog has its buttons, in pixels from its lower right corner: no keys reach it without a window manager. */
const BUTTONS = { Save: 49, Cancel: 139, below: 24 };

/** Where GTK's dialog for folders has its first row, in pixels from its upper left corner. */
const FIRST_ROW = { right: 300, down: 92 };

/** Where Chromium's question whether a page may edit files has "Allow", from the middle of the window's top. */
const ALLOW = { right: 148, down: 192 };

/** Debian's Chromium or Playwright's, without what Playwright does to downloads. */
export const chromium: Driver = {
  name: "Chromium",
  missing: executable ? undefined : "no Chromium: name one with CHROMIUM=/path",
  async launch({ quota, headed = false } = {}) {
    const { home, downloads, remove } = folders();
    mkdirSync(downloads);
    mkdirSync(`${home}/.config`);
    writeFileSync(`${home}/.config/user-dirs.dirs`, 'XDG_DOCUMENTS_DIR="$HOME/Downloads"\n'); // where dialogs stand
    const display = headed ? await openDisplay() : undefined;
    const browser = await puppeteer.launch({
      browser: "chrome",
      executablePath: executable!,
      userDataDir: `${home}/profile`,
      headless: !headed,
      env: { ...process.env, ...(display ? { DISPLAY: display.name, HOME: home } : {}) },
      args: [...chromiumArgs, THROTTLE_SOON],
      ignoreDefaultArgs: EXEMPTIONS,
      defaultViewport: { width: 960, height: 600 },
      protocolTimeout: 0,
    });
    const [page] = await browser.pages();
    const whole = await browser.target().createCDPSession();
    await whole.send("Browser.setDownloadBehavior", {
      behavior: "allow",
      downloadPath: downloads,
      eventsEnabled: true,
    });
    const ids = new Set<string>();
    whole.on("Browser.downloadWillBegin", ({ guid }) => ids.add(guid));
    const protocol = await page!.createCDPSession();
    page!.on("dialog", (dialog) => void dialog.accept());
    return {
      name: "Chromium",
      downloads,
      leaves: "nothing",
      async open(url) {
        if (quota !== undefined) await limit(protocol, new URL(url).origin, quota);
        await page!.goto(url);
      },
      reload: async () => void (await page!.reload()),
      type: async (text) => await page!.keyboard.type(text),
      press: async (key) => await page!.keyboard.press(key as "Enter"),
      evaluate: async <T>(expression: string) => (await page!.evaluate(expression)) as T,
      async cancelDownloads() {
        for (const guid of ids) await whole.send("Browser.cancelDownload", { guid }).catch(() => {}); // is over
      },
      async stopServiceWorkers() {
        await protocol.send("ServiceWorker.enable");
        await protocol.send("ServiceWorker.stopAllWorkers");
      },
      collectGarbage: async () => await protocol.send("HeapProfiler.collectGarbage"),
      async hide() {
        await (await browser.newPage()).bringToFront();
        await page!.waitForFunction(() => document.visibilityState === "hidden", { polling: 100 });
      },
      show: async () => await page!.bringToFront(),
      ...(display
        ? {
            async answerDialog(button) {
              const { x, y, width, height } = await display.find("this site can see edits you make");
              await display.click(x + width - BUTTONS[button], y + height - BUTTONS.below);
            },
            async chooseFolder(isAllowed) {
              const { x, y, width, height } = await display.find("Select where this site can save changes");
              await display.click(x + FIRST_ROW.right, y + FIRST_ROW.down);
              await display.click(x + width - BUTTONS.Save, y + height - BUTTONS.below);
              const window = await display.find("Chromium");
              while (!(await isAllowed())) {
                await display.click(window.x + window.width / 2 + ALLOW.right, window.y + ALLOW.down);
                await new Promise((later) => setTimeout(later, 1000));
              }
            },
          }
        : {}),
      sleep: async (ms) => await suspend(browser.process()?.pid, ms),
      async [Symbol.asyncDispose]() {
        await browser.close();
        await display?.[Symbol.asyncDispose]();
        await remove();
      },
    } satisfies Browser;
  },
};

async function limit(protocol: CDPSession, origin: string, quotaSize: number): Promise<void> {
  await protocol.send("Storage.overrideQuotaForOrigin", { origin, quotaSize });
}
