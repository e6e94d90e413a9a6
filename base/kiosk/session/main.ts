// The kiosk's session, from logging in to switching off: serve what is on the stick to this machine's browser,
// keep that browser on the screen, and start it again whenever it is not showing anything.
import { copyFile, rm, writeFile } from "node:fs/promises";
import { homedir, uptime } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Attempt, attempt } from "./attempts.ts";
import { KIOSK_FLAGS, startBrowser } from "./browser.ts";
import { CompositorError, startCompositor } from "./compositor.ts";
import { type Page, PORT, serve } from "./page-server.ts";
import { readPiece } from "./piece.ts";
import { NoPieceError } from "./problem.ts";
import { problemPage } from "./problem-page.ts";
import { writeSerialLine } from "./serial.ts";

const PIECE = "/mnt/piece";
const PROBLEM = "/run/fedac/problem";
const CONFIG = "/etc/sway/kiosk";
const BROWSER = "/usr/lib/chromium/chromium";
/** The piece's, or the default: the initramfs has looked at it. */
const SPLASH = "/run/fedac/splash.png";
/** Once it exists, kiosk-no-screen.service tells the person, by other means. */
const NO_SCREEN = "/run/fedac/kiosk/no-screen";
/** After this many failures in a row this process ends, and systemd starts another one in a new session. */
const MAX_FAILURES = 6;
/** After this many attempts in a row without a compositor the person is told that nothing can be shown. */
const MAX_SCREEN_FAILURES = 3;
const RUNTIME = process.env.XDG_RUNTIME_DIR ?? "/run/user/1000";

/** What is shown, and the line for the serial console once it is on the screen. */
interface Exhibit {
  readonly page: Page;
  readonly line: string;
}

async function findExhibit(): Promise<Exhibit> {
  try {
    const { name, sha256, html, unknown } = await readPiece(PIECE, PROBLEM);
    if (unknown.length > 0)
      console.error(`os.json allows what is not known here: ${JSON.stringify(unknown).slice(0, 200)}`);
    const page = { type: "text/html; charset=utf-8", body: html };
    return { page, line: `PIECE ${name} ${sha256} ${html.length}` };
  } catch (error) {
    if (!(error instanceof NoPieceError)) throw error;
    console.error(error);
    return { page: problemPage(error.code), line: `NOPIECE ${error.code} ${error.message}` };
  }
}

/** Show the page until something ends; resolves with what has. `onScreen` is called once the page can be seen. */
async function show({ accelerated, timeoutSeconds }: Attempt, onScreen: () => void): Promise<string> {
  const compositor = await startCompositor({ config: CONFIG, accelerated, timeoutSeconds });
  try {
    const browser = await startBrowser({
      program: BROWSER,
      url: `http://localhost:${PORT}/piece.html`,
      profile: join(homedir(), "profile"), // larger than the runtime directory may become
      environment: compositor.environment,
      flags: KIOSK_FLAGS,
      accelerated,
      timeoutSeconds,
    });
    try {
      const lost = Promise.race([compositor.ended, browser.lost]);
      const early = await Promise.race([browser.painted, lost]);
      if (early !== undefined) return early;
      await compositor.reveal();
      onScreen();
      return await lost;
    } finally {
      await browser.stop();
    }
  } finally {
    await compositor.stop();
  }
}

async function main(): Promise<void> {
  const { page, line } = await findExhibit();
  const background = join(RUNTIME, "splash.png"); // named in the compositor's configuration
  await copyFile(SPLASH, background).catch(() => rm(background, { force: true }));
  await serve(new Map([["/piece.html", page]]), "/piece.html");

  const startedAfterSeconds = uptime();
  let announced = false;
  let screenFailures = 0; // attempts in a row without a compositor
  for (let failures = 0; failures < MAX_FAILURES;) {
    const next = attempt(failures, startedAfterSeconds);
    await delay(next.pauseSeconds * 1000);
    const since = performance.now();
    const how = await show(next, () => {
      failures = 0;
      screenFailures = 0;
      if (!announced) void writeSerialLine(line);
      announced = true;
    }).catch(async (error: Error) => {
      if (error instanceof CompositorError && ++screenFailures === MAX_SCREEN_FAILURES)
        await writeFile(NO_SCREEN, error.message);
      return error.message;
    });
    failures++;
    console.error(`After ${Math.round((performance.now() - since) / 1000)} s: ${how}. Starting again.`);
  }
}

await main();
process.exit(1);
