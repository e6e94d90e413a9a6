import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Browser as Inspector, chromium, type Page } from "playwright";
import { type Browser, startBrowser } from "../../base/kiosk/session/browser.ts";
import { type Exhibit, exhibitOf, placesOf } from "../../base/kiosk/session/exhibit.ts";
import { hostOf, originOf, serve } from "../../base/kiosk/session/page-server.ts";
import type { Found } from "../../base/kiosk/session/piece.ts";
import type { Allowance } from "../allowances.ts";
import { chromiumArgs, chromiumPath } from "./chromium.ts";

/** The kiosk's browser without a screen, with a page in it, and what a test needs to look at it. */
export interface KioskBrowser extends AsyncDisposable {
  readonly browser: Browser;
  /** The browser's profile. */
  readonly profile: string;
  /** What a page has asked its server for as `/heard?WORDS`: the next words. */
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
  const { allow = [] } = options;
  const pages = new Map([["/piece.html", { type: "text/html; charset=utf-8", body: html }]]);
  const port = await freePort();
  const instead = (reason: string) => {
    pages.set("/instead.html", { type: "text/html", body: `<!doctype html><p>${reason}</p>` });
    return `${originOf(hostOf(0), port)}/instead.html`;
  };
  const start = { name: "", url: `${originOf(hostOf(0), port)}/piece.html`, allow, instead };
  const sites = [{ host: hostOf(0), pages, first: "/piece.html" }];
  return await startWith({ sites, start }, port, options);
}

/** Start it as the kiosk does with what is on a stick. Throws what `startBrowser` throws. */
export async function startKioskStick(
  found: Found,
  options: Omit<KioskBrowserOptions, "allow"> = {},
): Promise<KioskBrowser> {
  const port = await freePort();
  return await startWith(exhibitOf(found, port), port, options);
}

/** A port that nobody has at the moment. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, hostOf(0), listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

async function startWith(
  exhibit: Pick<Exhibit, "sites" | "start" | "menu">,
  port: number,
  options: KioskBrowserOptions,
): Promise<KioskBrowser> {
  const { timeoutSeconds = TIMEOUT_SECONDS, flags = [] } = options;
  const { screen = { width: 1280, height: 720 } } = options;
  const profile = mkdtempSync(join(tmpdir(), "kiosk-"));
  const servers = await serve(exhibit.sites, port);
  const words: string[] = [];
  let hasHeard = () => {};
  for (const server of servers) {
    server.prependListener("request", ({ url = "" }: { url?: string }) => {
      if (!url.startsWith("/heard?")) return;
      words.push(decodeURIComponent(url.slice("/heard?".length)));
      hasHeard();
    });
  }
  const heard = async () => {
    while (words.length === 0) await new Promise<void>((done) => (hasHeard = done));
    return words.shift()!;
  };
  let inspector: Inspector | undefined;
  const page = async () => {
    const [devTools] = readFileSync(join(profile, "DevToolsActivePort"), "utf8").split("\n", 1);
    inspector ??= await chromium.connectOverCDP(`http://127.0.0.1:${devTools}`);
    for (;;) {
      const [found] = inspector.contexts().flatMap((context) => context.pages());
      if (found) return found;
      await delay(50);
    }
  };
  const close = async () => {
    await inspector?.close();
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    // Not rmSync, whose retries do not look again what is in a directory
    await rm(profile, { recursive: true, force: true, maxRetries: 20 });
  };
  try {
    const browser = await startBrowser({
      program: chromiumPath,
      ...placesOf(exhibit, exhibit.start, screen),
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
