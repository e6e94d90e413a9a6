// The kiosk's session, from logging in to switching off: serve what is on the stick to this machine's browser,
// keep that browser on the screen, and start it again whenever it is not showing anything.
import { writeFileSync } from "node:fs";
import { copyFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, homedir, uptime } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Settings } from "../../../src/settings/settings.ts";
import type { Request } from "../control/request.ts";
import { type Attempt, attempt } from "./attempts.ts";
import { KIOSK_FLAGS, soundFlags, startBrowser } from "./browser.ts";
import { CompositorError, startCompositor } from "./compositor.ts";
import { Control } from "./control.ts";
import { followHolds, RootClient } from "./control-client.ts";
import { type Exhibit, exhibitOf, namesOf, placesOf, problemExhibit, type Shown } from "./exhibit.ts";
import { canDraw, WAIT_MS } from "./graphics.ts";
import { keepLight, prepareLight } from "./light.ts";
import { serve } from "./page-server.ts";
import { noPiece, readStick } from "./piece.ts";
import { NoPieceError } from "./problem.ts";
import { writeSerialLine } from "./serial.ts";
import { readSettings, swayConfig } from "./settings.ts";

const PIECE = "/mnt/piece";
const PROBLEM = "/run/fedac/problem";
const CONFIG = "/etc/sway/kiosk";
/** For pieces that may use a camera or a microphone: it has a bar `LIGHT`, with what stands in the file of that name. */
const CONFIG_WITH_LIGHT = "/etc/sway/kiosk-light";
const LIGHT = "light";
const BROWSER = "/usr/lib/chromium/chromium";
/** The piece's, or the default: the initramfs has looked at it. */
const SPLASH = "/run/fedac/splash.png";
/** What the stick says of the machine, without passphrases: kiosk-settings.service has put it there. */
const SETTINGS = "/run/fedac/settings.json";
/** Who notices that somebody wants the settings page, and who does as root what is done there. */
const HOLDS = "/run/fedac/hold.socket";
const ROOT = "/run/fedac/control.socket";
/** A bar that says on the splash how to get there (etc/sway/kiosk-hint); it goes with the splash. */
const HINT = "hint";
const CONFIG_OF_HINT = "include /etc/sway/kiosk-hint\n";
/** While something of ours is on the screen: this process. base/boot/damage takes nothing away that is there. */
const SHOWING = "/run/fedac/kiosk/showing";
/** Once it exists, kiosk-no-screen.service tells the person, by other means. */
const NO_SCREEN = "/run/fedac/kiosk/no-screen";
/** After this many failures in a row this process ends, and systemd starts another one in a new session. */
const MAX_FAILURES = 6;
/** After this many attempts in a row at the piece that starts there is the menu, where there is one. */
const START_ATTEMPTS = 3;
/** After this many attempts in a row without a compositor the person is told that nothing can be shown. */
const MAX_SCREEN_FAILURES = 3;
/** So long after the session's start people who want the settings page are looked for, though no piece has come. */
const FOLLOW_SECONDS = 20;
/** Or by so many times what the machine has taken until then: what looks for them takes its time from the piece's start. */
const FOLLOW_FACTOR = 4;
const RUNTIME = process.env.XDG_RUNTIME_DIR ?? "/run/user/1000";

async function findExhibit(): Promise<Exhibit> {
  try {
    const found = await readStick(PIECE, PROBLEM);
    for (const { name, unknown, html } of found.pieces) {
      if (html instanceof NoPieceError) console.error(`${name}:`, html);
      if (unknown.length > 0)
        console.error(`os.json allows what is not known here: ${JSON.stringify(unknown).slice(0, 200)}`);
    }
    return exhibitOf(found);
  } catch (error) {
    if (!(error instanceof NoPieceError)) throw error;
    console.error(error);
    return problemExhibit(error);
  }
}

/**
 * Show `first`, and what people go to from there, until something ends; resolves with what has. `onScreen` is called with
 * the lines for the console once there is something to be seen.
 */
async function show(
  exhibit: Exhibit,
  first: Shown,
  { accelerated, timeoutSeconds }: Attempt,
  control: Control | undefined,
  onScreen: (lines: readonly string[]) => void,
): Promise<string> {
  const { allow, lines } = exhibit;
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
      ...placesOf(exhibit, first, compositor.screen),
      profile: join(homedir(), "profile"), // larger than the runtime directory may become
      environment: compositor.environment,
      flags: [...KIOSK_FLAGS, ...soundFlags(availableParallelism())],
      accelerated,
      timeoutSeconds,
    });
    try {
      compositor.followKeys(() => void (control?.isOpen || browser.leave()));
      let isRestarted = (_why: string) => {};
      const restarted = new Promise<string>((done) => (isRestarted = done));
      const ended = Promise.race([compositor.ended, dark, restarted]);
      control?.attach({ compositor, window: browser.window, piece: namesOf(exhibit), restart: isRestarted });
      // A piece that hangs is behind the settings page, where somebody may just be at a passphrase
      const closed = async () => await Promise.race([control?.closed(), ended]);
      const gone = browser.lost.then(async (how) => {
        await closed();
        return how;
      });
      const lost = Promise.race([ended, gone]).then((how) => ({ how }));
      const shown = browser.shown.then(
        (reason) => ({ reason }),
        async (error: unknown) => {
          await closed();
          throw error;
        },
      );
      const come = await Promise.race([shown, lost]);
      if ("how" in come) return come.how;
      await compositor.reveal();
      if (control && namesOf(exhibit) !== "") await compositor.showBar(HINT, false);
      onScreen(come.reason === undefined ? lines : [noPiece("piece-not-running")]);
      return (await lost).how;
    } finally {
      control?.detach();
      await browser.stop();
    }
  } finally {
    over.abort();
    await compositor.stop();
  }
}

async function main(): Promise<void> {
  const exhibit = await findExhibit();
  const background = join(RUNTIME, "splash.png"); // named in the compositor's configuration
  await copyFile(SPLASH, background).catch(() => rm(background, { force: true }));
  await serve(exhibit.sites);
  const settings = await readSettings(SETTINGS);
  if (settings.timeZone !== undefined) process.env.TZ = settings.timeZone; // of all that is started here
  const save = async (now: Settings) => {
    const hint = settings.locked ? "" : CONFIG_OF_HINT;
    await writeFile(join(RUNTIME, "kiosk.settings"), swayConfig(now) + hint); // named in the compositor's configuration
  };
  await save(settings);
  const root = new RootClient(ROOT);
  const ask = async (request: Request) => await root.ask(request);
  const options = { ask, rest: () => root.close(), piece: PIECE, save };
  const control = settings.locked ? undefined : new Control(settings, options);
  let follows = false;
  const follow = () => {
    if (control && !follows) void followHolds(HOLDS, (hold) => void control.onHold(hold));
    follows = true;
  };
  const startedAfterSeconds = uptime();
  setTimeout(follow, Math.max(FOLLOW_SECONDS, FOLLOW_FACTOR * startedAfterSeconds) * 1000).unref();

  let announced = false;
  let screenFailures = 0; // attempts in a row without a compositor
  for (let failures = 0; failures < MAX_FAILURES;) {
    const next = attempt(failures, startedAfterSeconds, await canDraw(failures === 0 ? WAIT_MS : 0));
    await delay(next.pauseSeconds * 1000);
    const since = performance.now();
    // A piece that starts and is never there is not in the way of the others
    const first = failures < START_ATTEMPTS ? exhibit.start : (exhibit.menu?.page ?? exhibit.start);
    const how = await show(exhibit, first, next, control, (lines) => {
      follow();
      failures = 0;
      screenFailures = 0;
      writeFileSync(SHOWING, String(process.pid));
      if (!announced) void writeSerialLine(lines.join("\n"));
      announced = true;
    }).catch(async (error: Error) => {
      if (error instanceof CompositorError && ++screenFailures === MAX_SCREEN_FAILURES)
        await writeFile(NO_SCREEN, error.message);
      return error.message;
    });
    await rm(SHOWING, { force: true });
    failures++;
    console.error(`After ${Math.round((performance.now() - since) / 1000)} s: ${how}. Starting again.`);
  }
}

await main();
process.exit(1);
