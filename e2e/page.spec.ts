import { readFileSync, statSync } from "node:fs";
import { WINDOW } from "../src/release/manifest.ts";
import { files, holding, serve } from "../src/testing/range-server.ts";
import { sha256Of, testBase } from "../src/testing/test-base.ts";
import { configuredSite, Origin, STRICT_POLICY } from "./origin.ts";
import { configure, expect, READY, says, startBuild, test } from "./site.ts";

// The page module as it is built, in a real browser: what it needs of a site, and what its instances share.

const { manifest, image } = await testBase();
const bundle = `<!doctype html><script>${"1;".repeat(50_000)}</script>`;
const PAGE = "/aesthetic.computer/os/page.js?v=test";

test("a site that allows only its own scripts can save, and the service worker is kept awake", async ({
  page,
  site,
  context,
}) => {
  const read = (at: number, length: number) => image.subarray(at, at + length);
  await using origin = await Origin.of({ manifest, read }, bundle);
  const config = { latest: `${origin.url}/manifest.json`, oven: origin.url };
  const headers = { "Content-Security-Policy": STRICT_POLICY };
  await using strict = await configuredSite(site.url, config, headers);

  const registered = context.waitForEvent("serviceworker");
  await page.goto(`${strict.url}/os:notepat`);
  const serviceWorker = await registered;
  await serviceWorker.evaluate(() => {
    const received: string[] = [];
    Object.assign(globalThis, { received });
    addEventListener("message", ({ data }: MessageEvent<{ type: string }>) => received.push(data.type));
  });
  const received = () =>
    serviceWorker.evaluate(() => (globalThis as unknown as { received: string[] }).received);

  const downloading = page.waitForEvent("download");
  origin.holdAt = 3 * WINDOW;
  await startBuild(page);
  await expect.poll(received, { timeout: 30_000 }).toEqual(["open", "keepAlive", "keepAlive"]);
  origin.release();
  const download = await downloading;
  expect(await download.failure()).toBeNull();
  expect(statSync(await download.path()).size).toBe(manifest.image.size);
});

test("a site that allows no frames of its own says so at once", async ({ page, site }) => {
  const read = (at: number, length: number) => image.subarray(at, at + length);
  await using origin = await Origin.of({ manifest, read }, bundle);
  const config = { latest: `${origin.url}/manifest.json`, oven: origin.url };
  const policy = STRICT_POLICY.replace(/frame-src [^;]*/, "frame-src blob:");
  expect(policy).not.toBe(STRICT_POLICY);
  await using strict = await configuredSite(site.url, config, { "Content-Security-Policy": policy });
  await page.goto(`${strict.url}/os:notepat`);
  await startBuild(page);
  await expect.poll(() => says(page)).toContain("Content-Security-Policy of this site (frame-src)");
});

test("an image says who has built it once AC knows, unless they do not want it", async ({ page, site }) => {
  const read = (at: number, length: number) => image.subarray(at, at + length);
  await using origin = await Origin.of({ manifest, read }, bundle);
  await configure(page, { latest: `${origin.url}/manifest.json`, oven: origin.url });
  const shown = async () =>
    /sha256 ((?:[0-9a-f]+ ?)+)/
      .exec(await says(page))?.[1]
      ?.replaceAll(" ", "")
      .slice(0, 64) ?? "";
  const another = async (than: string) => {
    let found = "";
    await expect
      .poll(async () => {
        found = await shown(); // nothing while it is computed
        return found !== "" && found !== than;
      })
      .toBe(true);
    return found;
  };
  await page.goto(`${site.url}/os:notepat`);
  await expect.poll(() => says(page)).toMatch(READY);
  expect(await says(page)).not.toContain("built by");
  const nobody = await another("");

  await page.evaluate("stage.logIn('jeffrey')"); // AC knows late
  await expect.poll(() => says(page)).toContain('say "built by @jeffrey" as it starts');
  const named = await another(nobody);
  await page.keyboard.press("b");
  expect(await another(named)).toBe(nobody);

  await page.goto(`${site.url}/os:notepat?handle=jeffrey`); // what they did not want is remembered
  await expect.poll(() => says(page)).toContain("built by @jeffrey");
  expect(await another("")).toBe(nobody);
  await page.keyboard.press("b");
  expect(await another(nobody)).toBe(named);
  const downloading = page.waitForEvent("download");
  await startBuild(page);
  const file = readFileSync(await (await downloading).path());
  expect(sha256Of(file)).toBe(named);
  expect(file.includes('"by": "@jeffrey"\n}')).toBe(true);
});

/** What is told to the piece, and by whom, of the builds that instances of the page module are asked for. */
interface Trial {
  readonly states: { visit: string; stage: string; piece: string }[];
  readonly globals: string[];
}

test("instances of the page module share their builds, and leave nothing on window", async ({
  page,
  site,
}) => {
  await using server = await serve(
    files({ "/manifest.json": manifest, "/base.img": image, "/pack-html": bundle }),
  );
  await configure(page, { latest: `${server.url}/manifest.json`, oven: server.url });
  await page.goto(`${site.url}/aesthetic.computer/os/config.json`); // a page with nothing on it, which stands for AC's
  const { states, globals } = await page.evaluate(visitTwice, [`${PAGE}#1`, `${PAGE}#2`] as const);
  expect(globals).toEqual([]);
  expect(states.filter(({ visit }) => visit === "second")[0]).toMatchObject({ stage: "ready" }); // as the first left it
  expect(server.requests.filter((request) => request.includes("pack-html"))).toHaveLength(1);
});

test("a page module of another deployment has builds of its own, and both go on", async ({ page, site }) => {
  const { listener, release } = holding(
    files({ "/manifest.json": manifest, "/base.img": image, "/pack-html": bundle }),
    3 * WINDOW,
  );
  await using server = await serve(listener);
  await configure(page, { latest: `${server.url}/manifest.json`, oven: server.url });
  await page.route("**/os/page.js?v=later*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({
      response,
      body: (await response.text()).replace(/(builds-[\w-]+\.js)/, "$1?later"),
    });
  });
  await page.goto(`${site.url}/aesthetic.computer/os/config.json`); // a page with nothing on it, which stands for AC's
  const later = PAGE.replace("test", "later");
  const { states } = await page.evaluate(visitTwice, [`${PAGE}#1`, `${later}#2`] as const);
  expect(states.filter(({ visit }) => visit === "second")[0]).toMatchObject({ stage: "preparing" });
  expect(server.requests.filter((request) => request.includes("pack-html"))).toHaveLength(2);
  const downloading = page.waitForEvent("download");
  await page.evaluate(() => (window as unknown as { ask(type: string): void }).ask("os:start"));
  release();
  expect(await (await downloading).failure()).toBeNull();
});

/**
 * Visit notepat by the module at one address, until it is ready; leave, and visit it by the module at the other until
 * it is ready there. `ask` is left to go on with. Stands in for AC.
 */
async function visitTwice([first, second]: readonly [string, string]): Promise<Trial> {
  interface State {
    type: string;
    visit: string;
    state: { stage: string; piece: string };
  }
  const states: Trial["states"] = [];
  let handlers: Record<string, (content: object) => void> = {};
  let isReady = () => {};
  let leaving: (() => void)[] = [];
  const ac = {
    signal(message: State) {
      if (message.type !== "os:state") return;
      states.push({ visit: message.visit, stage: message.state.stage, piece: message.state.piece });
      if (message.state.stage === "ready") isReady();
    },
    when: (type: string, handler: (content: object) => void) => (handlers[type] = handler),
  };
  Object.assign(globalThis, ac, { acCONTENT_EVENTS: leaving });
  const before = new Set(Object.keys(globalThis));
  const visit = async (address: string, name: string) => {
    handlers = {};
    leaving = [];
    Object.assign(globalThis, { acCONTENT_EVENTS: leaving });
    await import(address);
    const ready = new Promise<void>((resolve) => (isReady = resolve));
    if (!handlers["os:open"]) throw new Error(`${address} is no instance of its own`);
    handlers["os:open"]({ visit: name, piece: "notepat" });
    await ready;
  };
  await visit(first, "first");
  for (const leave of leaving) leave();
  await visit(second, "second");
  const globals = Object.keys(globalThis).filter((name) => !before.has(name));
  Object.assign(globalThis, {
    ask: (type: string) => handlers[type]?.({ visit: "second", piece: "notepat", where: "downloads" }),
  });
  return { states, globals };
}
