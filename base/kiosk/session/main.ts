// The kiosk's session, from logging in to switching off: serve what is on the stick to this machine's browser,
// keep that browser on the screen, and start it again whenever it is not showing anything.
import { copyFile, rm, writeFile } from "node:fs/promises";
import { homedir, uptime } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Attempt, attempt } from "./attempts.ts";
import { KIOSK_FLAGS, startBrowser } from "./browser.ts";
import { CompositorError, startCompositor } from "./compositor.ts";
import { problemPage } from "./pages.ts";
import { NoPieceError, readPiece } from "./piece.ts";
import { say } from "./serial.ts";
import { type Page, PORT, serve } from "./server.ts";

const PIECE = "/mnt/piece";
const PROBLEM = "/run/fedac/problem";
const CONFIG = "/etc/sway/kiosk";
const BROWSER = "/usr/lib/chromium/chromium";
/** The piece's, or the default: the initramfs has looked at it. */
const SPLASH = "/run/fedac/splash.png";
/** Once it exists, kiosk-no-screen.service tells the person, by other means. */
const NO_SCREEN = "/run/fedac/kiosk/no-screen";
/** After so many failures in a row another process begins anew, in a session of its own. */
const GIVEN_UP = 6;
const RUNTIME = process.env.XDG_RUNTIME_DIR ?? "/run/user/1000";

/** What is shown, and the line to say when it has been. */
interface Show {
  readonly page: Page;
  readonly line: string;
}

async function find(): Promise<Show> {
  try {
    const { name, sha256, html } = await readPiece(PIECE, PROBLEM);
    const page = { type: "text/html; charset=utf-8", body: html };
    return { page, line: `PIECE ${name} ${sha256} ${html.length}` };
  } catch (error) {
    if (!(error instanceof NoPieceError)) throw error;
    console.error(error);
    return { page: problemPage(error.message), line: `NOPIECE ${error.message}` };
  }
}

/** Show the piece until something ends, and say what. `painted` is called once it is on the screen. */
async function show({ accelerated, patience }: Attempt, painted: () => void): Promise<string> {
  const compositor = await startCompositor({ config: CONFIG, accelerated, patience });
  try {
    const browser = await startBrowser({
      program: BROWSER,
      url: `http://localhost:${PORT}/piece.html`,
      profile: join(homedir(), "profile"), // larger than the runtime directory may become
      environment: compositor.environment,
      flags: KIOSK_FLAGS,
      accelerated,
      patience,
    });
    try {
      const lost = Promise.race([compositor.ended, browser.lost]);
      const early = await Promise.race([browser.painted, lost]);
      if (early !== undefined) return early;
      await compositor.reveal();
      painted();
      return await lost;
    } finally {
      await browser.stop();
    }
  } finally {
    await compositor.stop();
  }
}

async function main(): Promise<void> {
  const { page, line } = await find();
  const background = join(RUNTIME, "splash.png"); // named in the compositor's configuration
  await copyFile(SPLASH, background).catch(() => rm(background, { force: true }));
  await serve(new Map([["/piece.html", page]]), "/piece.html");

  const started = uptime();
  let said = false;
  let screens = 0; // attempts in a row that have come to no compositor
  for (let failures = 0; failures < GIVEN_UP;) {
    const next = attempt(failures, started);
    await delay(next.pause * 1000);
    const since = performance.now();
    const how = await show(next, () => {
      failures = 0;
      screens = 0;
      if (!said) void say(line);
      said = true;
    }).catch(async (error: Error) => {
      if (error instanceof CompositorError && ++screens === 3) await writeFile(NO_SCREEN, error.message);
      return error.message;
    });
    failures++;
    console.error(`After ${Math.round((performance.now() - since) / 1000)} s: ${how}. Starting again.`);
  }
}

await main();
process.exit(1);
