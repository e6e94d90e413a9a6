import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Browser as Inspector, chromium, type Page } from "playwright";
import { type Browser, startBrowser } from "../../base/kiosk/session/browser.ts";
import { HOST, serve } from "../../base/kiosk/session/page-server.ts";
import type { Allowance } from "../allowances.ts";
import { addressOnScreen } from "../bundle/density.ts";
import { chromiumArgs, chromiumPath } from "./chromium.ts";

/** The kiosk's browser without a screen, with a page in it, and what a test needs to look at it. */
export interface KioskBrowser extends AsyncDisposable {
  readonly browser: Browser;
  /** The browser's profile. */
  readonly profile: string;
  /** What the page has asked the server for as `/heard?WORDS`: the next words. */
  heard(): Promise<string>;
  /** The page, to press keys in it and look. */
  page(): Promise<Page>;
}

/** How the kiosk's browser is started for a test. */
export interface KioskBrowserOptions {
  readonly allow?: readonly Allowance[];
  readonly timeoutSeconds?: number;
  readonly screen?: { readonly width: number; readonly height: number };
  /** More of Chromium's command line. */
  readonly flags?: readonly string[];
}

/** Enough for a Chromium that starts on a busy machine. */
const TIMEOUT_SECONDS = 100;

/** Start the kiosk's browser with `html` as its piece. Throws what `startBrowser` throws. */
export async function startKioskBrowser(
  html: string,
  options: KioskBrowserOptions = {},
): Promise<KioskBrowser> {
  const { allow = [], timeoutSeconds = TIMEOUT_SECONDS, flags = [] } = options;
  const { screen = { width: 1280, height: 720 } } = options;
  const profile = mkdtempSync(join(tmpdir(), "kiosk-"));
  const pages = new Map([["/piece.html", { type: "text/html; charset=utf-8", body: html }]]);
  const server = await serve(pages, "/piece.html", 0);
  const words: string[] = [];
  let hasHeard = () => {};
  server.prependListener("request", ({ url = "" }: { url?: string }) => {
    if (!url.startsWith("/heard?")) return;
    words.push(decodeURIComponent(url.slice("/heard?".length)));
    hasHeard();
  });
  const heard = async () => {
    while (words.length === 0) await new Promise<void>((done) => (hasHeard = done));
    return words.shift()!;
  };
  const origin = `http://${HOST}:${(server.address() as AddressInfo).port}`;
  let inspector: Inspector | undefined;
  const page = async () => {
    const port = readFileSync(join(profile, "DevToolsActivePort"), "utf8").split("\n", 1)[0];
    inspector ??= await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    for (;;) {
      const [found] = inspector.contexts().flatMap((context) => context.pages());
      if (found) return found;
      await delay(50);
    }
  };
  const close = async () => {
    await inspector?.close();
    server.close();
    server.closeAllConnections();
    // Not rmSync, whose retries do not look again what is in a directory
    await rm(profile, { recursive: true, force: true, maxRetries: 20 });
  };
  try {
    const browser = await startBrowser({
      program: chromiumPath,
      url: addressOnScreen(`${origin}/piece.html`, screen),
      allow,
      instead: (reason) => {
        pages.set("/instead.html", { type: "text/html", body: `<!doctype html><p>${reason}</p>` });
        return `${origin}/instead.html`;
      },
      profile,
      environment: process.env,
      accelerated: false,
      flags: [...chromiumArgs, "--headless=new", "--remote-debugging-port=0", ...flags],
      timeoutSeconds,
    });
    const dispose = async () => {
      await browser.stop();
      await close();
    };
    return { browser, profile, heard, page, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await close();
    throw error;
  }
}
