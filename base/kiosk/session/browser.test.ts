import { execFileSync } from "node:child_process";
import { mkdtempSync, readlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chromiumArgs, chromiumPath } from "../../../src/testing/chromium.ts";
import { type Browser, startBrowser } from "./browser.ts";
import { serve } from "./page-server.ts";

// A real Chromium without a screen, which starts in seconds on an idle machine and in a minute on a busy one.
const MS = 240_000;
const TIMEOUT_SECONDS = 100;

const PAINTS = `<!doctype html><canvas></canvas><script>
  const drawing = document.querySelector("canvas").getContext("2d");
  drawing.fillStyle = "hotpink";
  drawing.fillRect(0, 0, 99, 99);
</script>`;

let profile: string;
let server: Server | undefined;
let browser: Browser | undefined;
beforeEach(() => {
  profile = mkdtempSync(join(tmpdir(), "kiosk-"));
});
afterEach(async () => {
  await browser?.stop();
  server?.close();
  server?.closeAllConnections();
  // Not rmSync, whose retries do not look again what is in a directory
  await rm(profile, { recursive: true, force: true, maxRetries: 20 });
});

test("a page that paints is reported, and so is the end of its browser", { timeout: MS }, async () => {
  browser = await open(PAINTS);
  await browser.painted;
  await browser.stop();
  expect(await browser.lost).toMatch(/^the (?:browser ended|page has gone)/); // whichever is noticed first
});

test("a browser that is killed leaves no helpers behind once it is stopped", { timeout: MS }, async () => {
  browser = await open(PAINTS);
  await browser.painted;
  const leader = Number(readlinkSync(join(profile, "SingletonLock")).split("-").at(-1)); // host-process
  const helpers = inGroup(leader).filter((pid) => pid !== leader);
  expect(helpers.length).toBeGreaterThan(2);
  for (const helper of helpers) process.kill(helper, "SIGSTOP"); // so that none ends by itself
  process.kill(leader, "SIGKILL");
  await browser.stop();
  await expect.poll(() => inGroup(leader), { timeout: 5000 }).toEqual([]);
});

test(
  "a page that only has a colour is reported too, some time after it has loaded",
  { timeout: MS },
  async () => {
    browser = await open(`<!doctype html><body style="background: teal">`);
    await browser.painted;
  },
);

test("a page that does not get as far as that is given up", { timeout: MS }, async () => {
  browser = await open(`<!doctype html><script>for (;;);</script>`, 15);
  await expect(browser.painted).rejects.toThrow("the page has not painted within 15 s");
});

test("a page that no longer answers is lost", { timeout: MS }, async () => {
  browser = await open(`${PAINTS}<script>setTimeout(() => { for (;;); }, 5000)</script>`, 20);
  await browser.painted;
  expect(await browser.lost).toBe("the page has not answered within 20 s");
});

test("a page that goes elsewhere is lost, and dialogs keep nobody waiting", { timeout: MS }, async () => {
  browser = await open(`${PAINTS}<script>
    alert("?");
    confirm("?");
    setTimeout(() => location.assign("http://127.0.0.1:" + location.port), 3000);
  </script>`);
  await browser.painted;
  expect(await browser.lost).toBe("the page has gone elsewhere");
});

test(
  "the browser's keys and menus are not for the browser, and windows do not stay",
  { timeout: MS },
  async () => {
    const heard = new Promise<string>((done) => (hear = done));
    browser = await open(`${PAINTS}<script>
    const taken = [];
    for (const [type, init] of [
      ["keydown", { key: "f", ctrlKey: true }], ["keydown", { key: "F12" }], ["keydown", { key: "p", metaKey: true }],
      ["keydown", { key: "ArrowLeft", altKey: true }], ["keydown", { key: "c", ctrlKey: true }],
      ["keydown", { key: "F5" }], ["keydown", { key: "q" }], ["contextmenu", {}],
    ]) {
      const Kind = type === "keydown" ? KeyboardEvent : MouseEvent;
      const event = new Kind(type, { ...init, bubbles: true, cancelable: true });
      document.dispatchEvent(event);
      taken.push(event.defaultPrevented ? 1 : 0);
    }
    const other = open("/piece.html?other", "", "popup");
    const wait = setInterval(() => {
      if (other && !other.closed) return;
      clearInterval(wait);
      fetch("/heard?" + taken.join(""));
    }, 100);
  </script>`);
    await browser.painted;
    expect(await heard).toBe("11110001");
  },
);

let hear: (what: string) => void = () => {};

async function open(html: string, timeoutSeconds = TIMEOUT_SECONDS): Promise<Browser> {
  const page = { type: "text/html", body: html };
  server = await serve(new Map([["/piece.html", page]]), "/piece.html", 0);
  server.on("request", ({ url = "" }: { url?: string }) => {
    if (url.startsWith("/heard?")) hear(url.slice("/heard?".length));
  });
  const { port } = server.address() as AddressInfo;
  return await startBrowser({
    program: chromiumPath,
    url: `http://localhost:${port}/piece.html`,
    profile,
    environment: process.env,
    accelerated: false,
    flags: [...chromiumArgs, "--headless=new"],
    timeoutSeconds,
  });
}

/** The processes of a group that are not zombies: `ps` knows. */
function inGroup(group: number): number[] {
  const lines = execFileSync("ps", ["-e", "-o", "pid=,pgid=,stat="], { encoding: "utf8" }).trim().split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, pgid, state]) => Number(pgid) === group && !state?.startsWith("Z"))
    .map(([pid]) => Number(pid));
}
