import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { WINDOW } from "../src/release/manifest.ts";
import { testBase } from "../src/testing/test-base.ts";
import { isDebian, saved, says, type Browser, type LaunchOptions } from "./browsers/browser.ts";
import { chromium } from "./browsers/chromium.ts";
import { firefox } from "./browsers/firefox.ts";
import { webkit } from "./browsers/webkit.ts";
import { made } from "./made.ts";
import { configuredSite, Origin, STRICT_POLICY, type Served } from "./origin.ts";
import { expect, READY, test } from "./site.ts";

// What must hold wherever people are: each journey in every browser, which saves in its own way.

const { manifest, image } = await testBase();
const small: Served = { manifest, read: (at, length) => image.subarray(at, at + length) };
const bundle = `<!doctype html><script>${"1;".repeat(50_000)}</script>`;
const NAME = "notepat-os.iso";
const HOUR = 3_600_000; // milliseconds
/** Of the small image, written when nothing from its fourth window on has come. */
const MIDDLE = /48%/;

mkdirSync(path.join(import.meta.dirname, "out"), { recursive: true });
const middling = await made(30);
const LATER = { windows: 12, says: /39%/ }; // of the middling image

for (const driver of [chromium, firefox, webkit]) {
  test.describe(driver.name, () => {
    test.beforeAll(() => {
      if (isDebian) expect(driver.missing, `${driver.name} is part of the tests`).toBeUndefined();
      test.skip(driver.missing !== undefined, driver.missing);
    });

    /** What is there while `journey` lasts: `os notepat`, not started yet. */
    const travel = async (
      stage: string,
      journey: (browser: Browser, origin: Origin, url: string) => Promise<void>,
      {
        giveUpAfterSeconds = 60,
        base = small,
        headers = {},
        ...options
      }: LaunchOptions & {
        giveUpAfterSeconds?: number;
        base?: Served;
        headers?: Record<string, string>;
      } = {},
    ) => {
      await using origin = await Origin.of(base, bundle);
      const { url: from } = origin;
      const config = { latest: `${from}/manifest.json`, oven: from, giveUpAfterSeconds };
      await using site = await configuredSite(stage, config, headers);
      await using browser = await driver.launch(options);
      await browser.open(`${site.url}/os:notepat`);
      await journey(browser, origin, site.url);
    };

    test("a file as promised, under its name", async ({ site }) => {
      await travel(site.url, async (browser) => {
        await start(browser);
        await expectWhole(browser);
        expect(saved(browser)).toEqual({ [NAME]: manifest.image.size });
      });
    });

    test("what the piece may use is chosen before, and the SHA-256 that is shown is the file's", async ({
      site,
    }) => {
      await travel(site.url, async (browser) => {
        await ready(browser);
        const before = await says(browser);
        await browser.press("a");
        await expectSays(browser, /may use:/);
        await browser.press("c");
        await browser.press("n");
        await browser.press("x");
        await browser.press("c");
        await expectSays(browser, /may use MIDI, network, SysEx/);
        await browser.press("s");
        await expectWhole(browser);
        expect(before).not.toContain(/sha256 (\S+)/.exec(await says(browser))?.[1]);
        const bytes = readFileSync(path.join(browser.downloads, NAME)).toString("latin1");
        expect(bytes.includes('"allow": ["midi","network","sysex"]')).toBe(true);
      });
    });

    // The journeys beside this one show that a key that reaches the page by AC's signals is enough.
    test("nothing that costs the person something, unless they have pressed a key or tapped", async ({
      site,
    }) => {
      await travel(site.url, async (browser) => {
        await ready(browser);
        const answers = await browser.evaluate<string[]>(`(${behindTheirBack.toString()})()`);
        expect(answers).toEqual(Array<string>(12).fill("os:press"));
        expect(saved(browser)).toEqual({});
      });
    });

    // Firefox and WebKit stop a service worker after some 30 s without an event.
    test("70 seconds of a slow stream, in a hidden tab of a site with a strict policy", async ({ site }) => {
      test.setTimeout(240_000);
      await travel(
        site.url,
        async (browser, origin) => {
          await ready(browser);
          origin.rate = (2 * WINDOW) / 74; // what is still to come
          const begun = performance.now();
          await start(browser);
          await expectSays(browser, /\b[1-9]\d?%/);
          await browser.hide?.();
          await expect
            .poll(() => finished(browser, small), { timeout: 150_000, intervals: [1000] })
            .toBeDefined();
          expect(performance.now() - begun).toBeGreaterThan(70_000);
          await browser.show?.();
          await expectWhole(browser);
        },
        { headed: true, headers: { "Content-Security-Policy": STRICT_POLICY } },
      );
    });

    test("a server that goes away for a while", async ({ site }) => {
      await travel(
        site.url,
        async (browser, origin) => {
          await ready(browser);
          origin.holdAt = (LATER.windows + 0.5) * WINDOW;
          await start(browser);
          await expectSays(browser, LATER.says);
          await origin.cut();
          await new Promise((later) => setTimeout(later, 4_000)); // some attempts
          await origin.mend();
          origin.release();
          await expectWhole(browser, { of: middling });
          expect(saved(browser)).toEqual({ [NAME]: middling.manifest.image.size });
        },
        { base: middling },
      );
    });

    test("a computer that sleeps for 165 seconds @sleep", async ({ site }) => {
      test.skip(!process.env["LARGE"], "with npm run e2e:sleep");
      test.setTimeout(300_000);
      await travel(site.url, async (browser, origin) => {
        await ready(browser);
        origin.holdAt = 3 * WINDOW;
        await start(browser);
        await expectSays(browser, MIDDLE);
        await browser.sleep(165_000);
        await expectSays(browser, MIDDLE);
        await stillSays(browser, MIDDLE, 8_000); // for longer than a heartbeat takes
        origin.release();
        await expectWhole(browser);
      });
    });

    test("a reload in the middle", async ({ site }) => {
      await travel(
        site.url,
        async (browser, origin) => {
          await ready(browser);
          origin.holdAt = LATER.windows * WINDOW;
          await start(browser);
          await expectSays(browser, LATER.says);
          await browser.reload();
          origin.release();
          await start(browser);
          await expectWhole(browser, { of: middling });
          const times = origin.sent.slice(0, LATER.windows).map((sent) => sent / WINDOW);
          if (await keeps(browser)) expect(times).toEqual(times.map(() => 1));
        },
        { base: middling },
      );
    });

    test("a download that is cancelled in the browser's own list", async ({ site }) => {
      await travel(
        site.url,
        async (browser, origin) => {
          test.skip(!browser.cancelDownloads, "MiniBrowser's list of downloads is out of WebDriver's reach");
          await ready(browser);
          origin.rate = 4 * WINDOW; // Firefox tells of it when it would take the next bytes
          await start(browser);
          await expectSays(browser, /\b[1-9]\d?%/);
          await browser.cancelDownloads!();
          await expectSays(browser, /The browser ended the download/);
          await expect.poll(() => saved(browser)).toEqual({});
          origin.release();
          await again(browser);
          await expectWhole(browser, { of: middling });
        },
        { base: middling },
      );
    });

    test("a service worker that is stopped", async ({ site }) => {
      await travel(site.url, async (browser, origin) => {
        test.skip(!browser.stopServiceWorkers, "nobody but WebKit itself stops its service workers");
        await ready(browser);
        origin.holdAt = 3 * WINDOW;
        await start(browser);
        await expectSays(browser, MIDDLE);
        await browser.stopServiceWorkers!();
        await expectSays(browser, /The browser stopped the part of this page that saves/);
        // Firefox takes the end of its service worker for the end of the file.
        await expectRemains(browser, browser.name === "Firefox" ? "part under the name" : browser.leaves);
        origin.release();
        await again(browser);
        await expectWhole(browser);
      });
    });

    test("no room to keep anything", async ({ site }) => {
      const room = 5 * 1024 * 1024; // enough for a service worker, not for two windows
      await travel(
        site.url,
        async (browser) => {
          await start(browser);
          await expectWhole(browser);
        },
        { quota: room },
      );
    });

    test("storage that fills up in the middle", async ({ site }) => {
      await travel(
        site.url,
        async (browser, origin) => {
          test.skip(!(await keeps(browser)), "WebKitGTK's windows under WebDriver are private: no storage");
          await ready(browser);
          await browser.press("k"); // the base is to stay, and will not
          origin.holdAt = LATER.windows * WINDOW;
          await start(browser);
          await expectSays(browser, LATER.says);
          expect(await stored(browser)).toBeGreaterThanOrEqual((LATER.windows - 1) * WINDOW);
          await fill(browser);
          origin.release();
          await expectWhole(browser, { of: middling });
          expect(await stored(browser)).toBe(0);
        },
        { base: middling, quota: 300 * 1024 * 1024 },
      );
    });

    test("a file that is chosen, and gone on with after a failure", async ({ site }) => {
      test.skip(driver !== chromium, "only Chromium lets people choose");
      await travel(
        site.url,
        async (browser, origin) => {
          await ready(browser);
          await browser.press("w");
          await browser.answerDialog!("Cancel");
          await ready(browser);
          origin.holdAt = LATER.windows * WINDOW;
          await browser.press("w");
          await browser.answerDialog!("Save");
          await expectSays(browser, LATER.says);
          await origin.cut();
          await expectSays(browser, /nothing came for .*again/);
          expect(saved(browser)).toEqual({ [NAME]: LATER.windows * WINDOW });
          await origin.mend();
          origin.release();
          await browser.press("r");
          const saysAfterGarbage = async () => {
            await browser.collectGarbage!(); // the build that has failed, and its handle
            return await says(browser);
          };
          await expect.poll(saysAfterGarbage, { timeout: 40_000 }).toMatch(/w continue/);
          await browser.press("w"); // and is not asked again
          await expectWhole(browser, { of: middling, says: /is where you wanted it/ });
          expect(saved(browser)).toEqual({ [NAME]: middling.manifest.image.size });
          // The first window is read twice, before and after, and is never in the file before the end.
          expect(origin.sent.map((sent) => Math.ceil(sent / WINDOW)).slice(1)).not.toContain(2);
        },
        { base: middling, headed: true, giveUpAfterSeconds: 2, quota: 5 * 1024 * 1024 },
      );
    });

    test("what is left after an error is told", async ({ site }) => {
      await travel(site.url, async (browser, origin) => {
        await ready(browser);
        origin.holdAt = 3 * WINDOW;
        await start(browser);
        await expectSays(browser, MIDDLE);
        await origin.cut();
        origin.release();
        origin.refuse = 404;
        await origin.mend();
        await expectSays(browser, /answered 404/);
        await expectRemains(browser);
        const words = await says(browser);
        if (browser.leaves === "nothing") expect(words).not.toContain("Delete");
        else expect(words).toContain(`Delete ${NAME} in your downloads`);
        expect(words.includes(".part")).toBe(browser.leaves === "name and part");
      });
    });

    test("3 GiB @large", async ({ site }) => {
      test.setTimeout(900_000);
      test.skip(driver !== chromium && !process.env["LARGE"], "with LARGE=1, as in npm run e2e:large");
      const base = await made(768);
      await travel(
        site.url,
        async (browser) => {
          await start(browser);
          await expectSays(browser, /\b[1-9]\d?%/);
          await browser.hide?.(); // then nothing is painted, and timers hardly run
          await expect
            .poll(() => finished(browser, base), { timeout: 600_000, intervals: [1000] })
            .toBeDefined();
          await browser.show?.();
          await expectWhole(browser, { of: base });
        },
        { base, headed: true },
      );
    });

    test("an hour in a hidden tab @hour", async ({ site }) => {
      test.setTimeout(2 * HOUR);
      test.skip(!process.env["LARGE"], "with npm run e2e:hour");
      const base = await made(768);
      await travel(
        site.url,
        async (browser, origin) => {
          test.skip(!browser.hide, "WebDriver cannot hide a tab of WebKitGTK's");
          await ready(browser);
          origin.rate = base.manifest.image.size / (HOUR / 1000);
          const begun = performance.now();
          await start(browser);
          await expectSays(browser, /\b[1-9]\d?%/, { timeout: 120_000 });
          await browser.hide!();
          await expect
            .poll(() => finished(browser, base), { timeout: 1.5 * HOUR, intervals: [5000] })
            .toBeDefined();
          expect(performance.now() - begun).toBeGreaterThan(0.9 * HOUR);
          await browser.show!();
          await expectWhole(browser, { of: base });
        },
        { base, headed: true },
      );
    });
  });
}

/**
 * What another piece of the site could do: run the page module, get a build ready and let it start, and more. Returns
 * what the module answers. WebDriver's own scripts count as the person's doing, so it waits until that has passed.
 */
async function behindTheirBack(): Promise<string[]> {
  interface Message {
    type: string;
    state?: { stage: string };
  }
  const handlers: Record<string, (content: object) => void> = {};
  const said: Message[] = [];
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise((later) => setTimeout(later, 50));
  };
  Object.assign(globalThis, {
    when: (type: string, handler: (content: object) => void) => (handlers[type] = handler),
    signal: (message: Message) => said.push(message),
  });
  const module = "/aesthetic.computer/os/page.js?v=evil";
  await import(module);
  const from = { visit: "evil", piece: "evil" };
  handlers["os:open"]!(from);
  await until(() => said.some(({ state }) => state?.stage === "ready"));
  await until(() => !navigator.userActivation.isActive);
  const before = said.length;
  handlers["os:start"]!({ ...from, where: "downloads" });
  handlers["os:start"]!({ ...from, where: "choose" });
  const plain = ["os:cancel", "os:clear", "os:checksum", "os:copy", "os:settings", "os:sign", "os:allow"];
  for (const type of plain) handlers[type]!(from);
  for (const job of [{ do: "choose" }, { do: "put", replace: true }, { do: "takeOff" }]) {
    handlers["os:stick"]!({ ...from, job });
  }
  return said.slice(before).map(({ type }) => type);
}

/** Everything is known, and the person may begin. */
async function ready(browser: Browser): Promise<void> {
  await expectSays(browser, READY);
}

/** Begin a build, once it is ready. */
async function start(browser: Browser): Promise<void> {
  await ready(browser);
  await browser.press("s");
}

/** Another attempt, after one has failed. */
async function again(browser: Browser): Promise<void> {
  await browser.press("r");
  await start(browser);
}

/** Whether this browser keeps windows from one build to the next. */
async function keeps(browser: Browser): Promise<boolean> {
  return await browser.evaluate<boolean>(`(async () => {
    try { return Boolean(await navigator.storage.getDirectory()); } catch { return false; }
  })()`);
}

/** How much of base images this browser keeps, in bytes. */
async function stored(browser: Browser): Promise<number> {
  return await browser.evaluate<number>(`(async () => {
    let size = 0;
    const walk = async (folder) => {
      for await (const entry of folder.values()) {
        if (entry.kind === "directory") await walk(entry);
        else if (entry.name === "windows") size += (await entry.getFile()).size;
      }
    };
    await walk(await navigator.storage.getDirectory());
    return size;
  })()`);
}

/** Take all the storage that the site may still have, to the last few kilobytes. */
async function fill(browser: Browser): Promise<void> {
  await browser.evaluate(`(async () => {
    const root = await navigator.storage.getDirectory();
    for (let size = 2 ** 24, i = 0; size >= 2 ** 12; i++) {
      try {
        const file = await (await root.getFileHandle("filler" + i, { create: true })).createWritable();
        await file.write(new Uint8Array(size));
        await file.close();
      } catch {
        size /= 4;
      }
    }
  })()`);
}

async function expectSays(browser: Browser, words: RegExp, { timeout = 40_000 } = {}): Promise<void> {
  await expect.poll(() => says(browser), { timeout }).toMatch(words);
}

/** It goes on saying that, which cannot be waited for otherwise. */
async function stillSays(browser: Browser, words: RegExp, ms: number): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end;) {
    expect(await says(browser)).toMatch(words);
    await new Promise((later) => setTimeout(later, 250));
  }
}

/** The newest file is complete, and has the SHA-256 that the canvas shows. */
async function expectWhole(
  browser: Browser,
  { of = small, timeout = 60_000, says: words = /in your downloads/ } = {},
): Promise<void> {
  await expectSays(browser, words, { timeout });
  await expect.poll(() => finished(browser, of), { message: "a file of that size" }).toBeDefined();
  const name = finished(browser, of)!;
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path.join(browser.downloads, name)))
    hash.update(chunk as Buffer);
  expect((await says(browser)).replaceAll(" ", "")).toContain(hash.digest("hex"));
}

/** The name of a file that is as large as the image is to be. */
function finished(
  browser: Browser,
  {
    manifest: {
      image: { size },
    },
  }: Served,
): string | undefined {
  const files = Object.entries(saved(browser));
  return files.find(([name, bytes]) => /^notepat-os.*\.iso$/.test(name) && bytes === size)?.[0];
}

/** After a failed download, there is what this browser leaves, and nothing of the image's size. */
async function expectRemains(browser: Browser, expected = browser.leaves): Promise<void> {
  const remains = () => {
    const sizes = saved(browser);
    const { [NAME]: named, ...others } = sizes;
    const parts = Object.keys(others).filter((name) => name.endsWith(".part"));
    if (named === undefined && Object.keys(others).length === 0) return "nothing";
    if (named === 0 && parts.length === 1) return "name and part";
    if (named !== undefined && named < manifest.image.size) return "part under the name";
    return JSON.stringify(sizes);
  };
  await expect.poll(remains).toBe(expected);
}
