// The kiosk's session, from logging in to switching off: serve what is on the stick to this machine's browser,
// keep that browser on the screen, and start it again whenever it is not showing anything.
import { copyFile, rm, writeFile } from "node:fs/promises";
import { homedir, uptime } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Allowance } from "../../../src/allowances.ts";
import { addressOnScreen } from "../../../src/bundle/density.ts";
import { type Attempt, attempt } from "./attempts.ts";
import { KIOSK_FLAGS, startBrowser } from "./browser.ts";
import { CompositorError, startCompositor } from "./compositor.ts";
import { ORIGIN, type Page, serve } from "./page-server.ts";
import { keepLight, prepareLight } from "./light.ts";
import { readPiece } from "./piece.ts";
import { NoPieceError, type ProblemCode, PROBLEMS } from "./problem.ts";
import { notRunningPage, problemPage } from "./problem-page.ts";
import { writeSerialLine } from "./serial.ts";
import { readSettings, swayConfig } from "./settings.ts";

const PIECE = "/mnt/piece";
const PROBLEM = "/run/fedac/problem";
/** The paths of the piece, and of what is shown instead when it does not run. */
const PIECE_PATH = "/piece.html";
const INSTEAD_PATH = "/not-running.html";
const CONFIG = "/etc/sway/kiosk";
/** For pieces that may use a camera or a microphone: it has a bar `LIGHT`, with what stands in the file of that name. */
const CONFIG_WITH_LIGHT = "/etc/sway/kiosk-light";
const LIGHT = "light";
const BROWSER = "/usr/lib/chromium/chromium";
/** The piece's, or the default: the initramfs has looked at it. */
const SPLASH = "/run/fedac/splash.png";
/** What the stick says of the machine, without passphrases: kiosk-settings.service has put it there. */
const SETTINGS = "/run/fedac/settings.json";
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
  /** The piece's name, and what it may use. */
  readonly name: string;
  readonly allow: readonly Allowance[];
}

async function findExhibit(): Promise<Exhibit> {
  try {
    const { name, sha256, html, allow, unknown } = await readPiece(PIECE, PROBLEM);
    if (unknown.length > 0)
      console.error(`os.json allows what is not known here: ${JSON.stringify(unknown).slice(0, 200)}`);
    const page = { type: "text/html; charset=utf-8", body: html };
    return { page, line: `PIECE ${name} ${sha256} ${html.length}`, name, allow };
  } catch (error) {
    if (!(error instanceof NoPieceError)) throw error;
    console.error(error);
    return { page: problemPage(error.code), line: noPiece(error.code), name: "", allow: [] };
  }
}

function noPiece(code: ProblemCode): string {
  return `NOPIECE ${code} ${PROBLEMS[code]}`;
}

/**
 * Show the piece until something ends; resolves with what has. `onScreen` is called with the line for the console once
 * there is something to be seen.
 */
async function show(
  { line, name, allow }: Exhibit,
  pages: Map<string, Page>,
  { accelerated, timeoutSeconds }: Attempt,
  onScreen: (line: string) => void,
): Promise<string> {
  const hasLight = allow.includes("camera") || allow.includes("microphone");
  const lightFile = join(RUNTIME, "kiosk.light"); // named in the compositor's configuration
  if (hasLight) await prepareLight(lightFile);
  const config = hasLight ? CONFIG_WITH_LIGHT : CONFIG;
  const compositor = await startCompositor({ config, accelerated, timeoutSeconds });
  const over = new AbortController();
  try {
    const showLight = (visible: boolean) => compositor.showBar(LIGHT, visible);
    const dark = hasLight
      ? keepLight({ file: lightFile, show: showLight, signal: over.signal }).then(
          () => "the light is off",
          (error: Error) => `the light cannot be shown: ${error.message}`,
        )
      : new Promise<string>(() => {});
    const browser = await startBrowser({
      program: BROWSER,
      url: addressOnScreen(`${ORIGIN}${PIECE_PATH}`, compositor.screen),
      allow,
      instead: (reason) => {
        console.error(`${name} does not run: ${reason}`);
        pages.set(INSTEAD_PATH, notRunningPage(name, reason));
        return `${ORIGIN}${INSTEAD_PATH}`;
      },
      profile: join(homedir(), "profile"), // larger than the runtime directory may become
      environment: compositor.environment,
      flags: KIOSK_FLAGS,
      accelerated,
      timeoutSeconds,
    });
    try {
      compositor.followKeys(() => void browser.leave());
      const lost = Promise.race([compositor.ended, browser.lost, dark]).then((how) => ({ how }));
      const shown = browser.shown.then((reason) => ({ reason }));
      const first = await Promise.race([shown, lost]);
      if ("how" in first) return first.how;
      await compositor.reveal();
      onScreen(first.reason === undefined ? line : noPiece("piece-not-running"));
      return (await lost).how;
    } finally {
      await browser.stop();
    }
  } finally {
    over.abort();
    await compositor.stop();
  }
}

async function main(): Promise<void> {
  const exhibit = await findExhibit();
  const pages = new Map([[PIECE_PATH, exhibit.page]]);
  const background = join(RUNTIME, "splash.png"); // named in the compositor's configuration
  await copyFile(SPLASH, background).catch(() => rm(background, { force: true }));
  await serve(pages, PIECE_PATH);
  const settings = await readSettings(SETTINGS);
  if (settings.timeZone !== undefined) process.env.TZ = settings.timeZone; // of all that is started here
  await writeFile(join(RUNTIME, "kiosk.settings"), swayConfig(settings)); // named in the compositor's configuration

  const startedAfterSeconds = uptime();
  let announced = false;
  let screenFailures = 0; // attempts in a row without a compositor
  for (let failures = 0; failures < MAX_FAILURES;) {
    const next = attempt(failures, startedAfterSeconds);
    await delay(next.pauseSeconds * 1000);
    const since = performance.now();
    const how = await show(exhibit, pages, next, (line) => {
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
