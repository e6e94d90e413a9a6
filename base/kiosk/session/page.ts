import type { EventEmitter } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Allowance } from "../../../src/allowances.ts";
import { AC_STATE, AC_WATCH, type AcState, TWO_FRAMES } from "./ac.ts";
import { permissionsOf } from "./permissions.ts";
import type { Event, Protocol } from "./protocol.ts";

/** A page that is watched over. */
export interface Page {
  /**
   * Resolves when there is something to see: a page that has loaded and painted; of AC's pages, a piece that runs, or else,
   * with the reason why it does not, what is shown instead. Rejects with an `Error` when painting takes longer than
   * `timeoutSeconds`.
   */
  readonly shown: Promise<string | undefined>;
  /** Resolves, with the reason, when the page is no longer there or does not answer; never rejects. */
  readonly lost: Promise<string>;
  /**
   * A key that leads out of a piece of AC's has been pressed: if the page no longer answers, which otherwise hears of it
   * itself, the menu is opened all the same, or where there is none the piece anew. A page that is not AC's is given more
   * time, and stays where there is no menu.
   */
  leave(): Promise<void>;
  /** Go to the menu, if there is one, whatever is shown; once what is being opened is there. */
  goToMenu(): void;
}

/** Where the page can be: a piece, or the menu. Each has an origin of its own. */
export interface Place {
  readonly url: string;
  /** What it may use. */
  readonly allow: readonly Allowance[];
  /** The address of what is shown instead of a piece of AC's that does not run, for that reason; of the same origin. */
  readonly instead: (reason: string) => string;
  /** Whether it is kept from other computers, where pieces beside it may reach them. */
  readonly isOffline?: boolean;
}

/** Where somebody chooses a piece, and the pieces by what the menu calls them. */
export interface Menu {
  readonly page: Place;
  readonly pieces: ReadonlyMap<string, Place>;
}

/** What page is opened first, and where it leads. */
export interface PageOptions extends Place {
  readonly menu?: Menu | undefined;
  /** How long it may take to paint and, if it is AC's, to run, and after that to answer. */
  readonly timeoutSeconds: number;
  /** Whether another page is one of ours, that is not to be closed. */
  readonly isOurs?: (targetId: string) => Promise<boolean>;
}

/** How a page is left: by a key of AC's, by itself, or by what is held for it. */
type Way = "key" | "left" | "held";

/** What somebody has chosen in the menu, and which document of what origin says so. */
interface Choice {
  readonly folder: string;
  readonly document: string;
  readonly origin: string;
}

/** How often the page is asked whether it is alive. */
const PULSE_SECONDS = 5;
/** How often a page of AC's is asked whether its piece runs, until it does. */
const LOOK_MS = 100;
/**
 * How many of the things that went wrong are told of a piece that does not run: the last ones. Of AC's own bundles something
 * always does that does not matter (there is nobody to log in with), so nobody gives up because of it.
 */
const MAX_FAULTS = 3;
/** A piece that has left this often, each time before it had been there for so long, is not brought back again. */
const MAX_LEFT = 5;
const LEFT_SECONDS = 30;
/** The part of its time within which a page has to answer when one of AC's keys has been pressed: 2 s of 60. */
const AFTER_KEY = 1 / 30;
/** The same for a page that is not AC's, where it may be the key that keeps it busy. */
const AFTER_OTHER_KEY = 1 / 6;
/** By this much the error for a question may come before the news that its document has gone. */
const GOING_MS = 1000;
/** Our script's world in the page, and what it reports by. */
const WORLD = "kiosk";
const REPORT = "kioskReport";
const BINDING = { name: REPORT, executionContextName: WORLD };
/** Frames in processes of their own are attached to before they run anything. */
const FRAMES = {
  autoAttach: true,
  waitForDebuggerOnStart: true,
  flatten: true,
  filter: [{ type: "iframe" }, { exclude: true }],
};
const SCRIPT = new URL("in-page.js", import.meta.url);
/**
 * In every document of a piece that is kept from other computers, before it runs: Chromium knows no Content Security Policy
 * for WebRTC (webrtc 'block' is passed over; tried with 156), which sends to any address that it is given.
 */
const WITHOUT_WEBRTC = "delete globalThis.RTCPeerConnection; delete globalThis.webkitRTCPeerConnection;";

/**
 * Have the browser open `url` in the page that it was started with, close every other one, and watch. A piece of AC's that
 * somebody leaves by its keys, or that goes to one that is not there, is opened again. Throws `Error` when the browser
 * refuses a command.
 */
export async function openPage(
  protocol: Protocol,
  events: EventEmitter<{ event: [Event] }>,
  { menu, timeoutSeconds, isOurs = async () => false, ...first }: PageOptions,
): Promise<Page> {
  /** Where the page is, or is on its way to. */
  let place: Place = menu?.page.url === first.url ? menu.page : first;
  /** The piece that was there last, as the menu calls it. */
  let last: string | undefined = [...(menu?.pieces ?? [])].find(([, { url }]) => url === first.url)?.[0];
  const places = [first, ...(menu ? [menu.page, ...menu.pieces.values()] : [])];
  const origins = new Set(places.map(({ url }) => new URL(url).origin));
  let session: string | undefined;
  let arrived = false;
  /** Whether something is being opened. */
  let busy = true;
  let hasPainted = () => {};
  let isLost = (_why: string) => {};
  let hasLeft = (_by: Way, _document: string | undefined) => {};
  let hasChosen = (_choice: Choice) => {};
  let hasReloaded = () => {};
  /** Documents of the piece's origin that the page has had, and who waits for the next one. */
  let documents = 0;
  let isReplaced = () => {};
  /** The last of them that has painted. */
  let painted = 0;
  /** What went wrong in the page while its piece was being loaded. */
  let faults: string[] = [];
  const lost = new Promise<string>((done) => (isLost = done));
  const source = await readFile(SCRIPT, "utf8");
  const command = (method: string, params: object, to: string | undefined) => {
    protocol.send(method, params, to).catch(() => {}); // what it was for has gone meanwhile
  };
  const found = new Promise<string>((done) => {
    let ours: string | undefined;
    events.on("event", ({ method, params, sessionId }) => {
      if (method === "Target.targetCreated") {
        const { type, targetId } = params.targetInfo as { type: string; targetId: string };
        if (type !== "page") return;
        ours ??= targetId;
        done(ours);
        if (targetId === ours) return;
        void isOurs(targetId).then((is) => is || command("Target.closeTarget", { targetId }, undefined));
      }
      if (method === "Target.attachedToTarget" && params.waitingForDebugger === true) {
        const frame = String(params.sessionId); // of another process, which our script has not reached by itself
        command("Page.enable", {}, frame);
        command("Runtime.addBinding", BINDING, frame);
        command("Page.addScriptToEvaluateOnNewDocument", { source, worldName: WORLD }, frame);
        if (place.isOffline)
          command("Page.addScriptToEvaluateOnNewDocument", { source: WITHOUT_WEBRTC }, frame);
        command("Target.setAutoAttach", FRAMES, frame);
        command("Runtime.runIfWaitingForDebugger", {}, frame);
      }
      if (method === "Target.targetCrashed" && params.targetId === ours) {
        isLost(`the page has ${crashWords(String(params.status), Number(params.errorCode))}`);
      }
      if (method === "Runtime.bindingCalled" && params.name === REPORT) {
        const [what = "", document = "", origin = "", folder = ""] = String(params.payload).split(" ");
        if (what === "painted" && sessionId === session) {
          painted = documents;
          hasPainted();
        }
        if (what === "key" || what === "left" || what === "held") hasLeft(what, document);
        if (what === "open" && sessionId === session) hasChosen({ folder, document, origin });
      }
      if (sessionId === undefined || sessionId !== session) return;
      const fault = faultIn(method, params);
      if (fault !== undefined && !faults.includes(fault)) faults = [...faults, fault].slice(-MAX_FAULTS);
      // While Runtime is not enabled, new documents are not given our binding: in-page.js looks for it when it needs it
      if (/^Page\.(?:frameNavigated|domContentEventFired|loadEventFired)$/.test(method)) {
        command("Runtime.addBinding", BINDING, sessionId);
      }
      if (method === "Page.javascriptDialogOpening") {
        command("Page.handleJavaScriptDialog", { accept: true }, sessionId);
      }
      if (method === "Page.frameNavigated") {
        const frame = params.frame as { parentId?: string; url: string; unreachableUrl?: string };
        const { origin } = new URL(frame.url);
        const here = frame.unreachableUrl === undefined && origin === new URL(place.url).origin;
        // While it goes to another place, the one before may still be opened anew
        const isOnItsWay = busy && frame.unreachableUrl === undefined && origins.has(origin);
        if (frame.parentId === undefined && arrived && !here && !isOnItsWay)
          isLost("the page has gone elsewhere");
        if (frame.parentId === undefined) arrived ||= here; // what the browser was started with comes before
        if (frame.parentId === undefined && here) {
          documents++;
          isReplaced();
          hasReloaded();
        }
      }
      if (method === "Inspector.detached") isLost(`the page has gone: ${String(params.reason)}`);
    });
  });
  await protocol.send("Target.setDiscoverTargets", { discover: true });
  const targetId = await found;
  const attached = await protocol.send("Target.attachToTarget", { targetId, flatten: true });
  session = String(attached.sessionId);
  /** Rejects when the page, which may hang at any moment, does not answer in its time. */
  const ask = async (method: string, params: object = {}) =>
    await within(protocol.send(method, params, session), timeoutSeconds, "answered");
  const evaluate = async (expression: string): Promise<unknown> => {
    const answer = await ask("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    return (answer.result as { value?: unknown }).value;
  };
  await ask("Inspector.enable");
  await ask("Page.enable");
  await ask("Target.setAutoAttach", FRAMES);
  await ask("Page.addScriptToEvaluateOnNewDocument", { source, worldName: WORLD });
  for (const { url, allow } of places) {
    const { origin } = new URL(url);
    await protocol.send("Browser.grantPermissions", { origin, permissions: permissionsOf(allow) });
  }

  /** Wait until a document after `before` has painted, and is the last one. */
  const paintAfter = async (before: number): Promise<void> => {
    const hasCome = () => painted > before && painted === documents;
    const painting = async () => {
      while (!hasCome()) await new Promise<void>((done) => (hasPainted = done));
    };
    await within(painting(), timeoutSeconds, "painted");
  };
  /** Go there, and wait until it has painted. */
  const open = async (address: string): Promise<void> => {
    const before = documents;
    faults = [];
    // The browser may have another document there, which somebody opened, and never answer
    const replaced = new Promise<{ errorText?: unknown }>((done) => (isReplaced = () => done({})));
    const { errorText } = await Promise.race([ask("Page.navigate", { url: address }), replaced]);
    if (typeof errorText === "string") throw new Error(`${address}: ${errorText}`);
    await paintAfter(before);
  };

  /** Wait until a page of AC's runs its piece; resolves with why it does not, and at once for all other pages. */
  const running = async (): Promise<string | undefined> => {
    const since = performance.now();
    for (let watched = false; ; await delay(LOOK_MS)) {
      const ac = (await evaluate(AC_STATE)) as AcState | null;
      if (ac === null) return undefined;
      isAc = true;
      if (ac.failed !== undefined) return ac.failed;
      if (!watched) await evaluate(AC_WATCH);
      watched = true;
      if (ac.loaded) break;
      if (performance.now() - since > timeoutSeconds * 1000) {
        return faults.join("; ") || "It has not come to its first picture in time.";
      }
    }
    await evaluate(TWO_FRAMES);
    return undefined;
  };

  let isAc = false;
  /** What `look` comes to; of the document that takes the place of this one if somebody opens it anew meanwhile. */
  const inTheEnd = async <T>(look: () => Promise<T>): Promise<T> => {
    for (;;) {
      const document = documents;
      const replaced = new Promise<undefined>((done) => (isReplaced = () => done(undefined)));
      // What is asked of a document that goes is answered by an error, or never
      const looking = look().catch(async (error: unknown) => {
        await Promise.race([replaced, delay(GOING_MS)]);
        if (document === documents) throw error;
        return undefined;
      });
      const seen = await Promise.race([looking, replaced]);
      if (document === documents) return seen as T;
      faults = [];
      await paintAfter(document);
    }
  };
  /** What is done once a page stands. */
  const settleIn = async (): Promise<void> => {
    await ask("Page.resetNavigationHistory"); // a mouse has a button that would go back to an empty page
    await ask("Runtime.disable");
    await ask("Runtime.addBinding", BINDING);
  };
  /** Wait until what has been opened runs, or show what stands for it; resolves with the reason for that. */
  const settle = async (): Promise<string | undefined> => {
    const reason = await inTheEnd(async () => {
      const why = await running();
      if (why === undefined) await settleIn();
      return why;
    });
    if (reason === undefined) return undefined;
    await open(place.instead(reason));
    await inTheEnd(settleIn);
    return reason;
  };
  const show = async (): Promise<string | undefined> => {
    // While it loads only: or the browser keeps all that the piece ever writes to its console
    await ask("Runtime.enable");
    await ask("Runtime.addBinding", BINDING);
    isAc = false; // until it says so
    const hash = place === menu?.page && last !== undefined ? `#${last}` : ""; // from where somebody comes
    await open(`${place.url}${hash}`);
    return await settle();
  };
  let without: Record<string, unknown> | undefined;
  /** From now on the page is at `next`. */
  const moveTo = async (next: Place): Promise<void> => {
    place = next;
    if (without) await ask("Page.removeScriptToEvaluateOnNewDocument", without);
    without = next.isOffline
      ? await ask("Page.addScriptToEvaluateOnNewDocument", { source: WITHOUT_WEBRTC })
      : undefined;
  };
  const goTo = async (next: Place): Promise<string | undefined> => {
    await moveTo(next);
    return await show();
  };

  const left: number[] = [];
  /** Show the menu; where there is none the piece again, unless it leaves again and again. */
  const bringBack = async (by: Way): Promise<string | undefined> => {
    if (menu) return await goTo(menu.page);
    const now = performance.now();
    if (by === "left") left.push(now);
    while (left[0] !== undefined && now - left[0] > LEFT_SECONDS * 1000) left.shift();
    if (left.length < MAX_LEFT) return await show();
    left.length = 0;
    const reason = "It goes to another piece, again and again, and that one is not here.";
    await open(place.instead(reason));
    return reason;
  };

  /** What is being done, and what has been asked for meanwhile, by which document. */
  let leaving: string | undefined;
  let next: { readonly by: Way; readonly document: string | undefined } | Choice | undefined;
  const act = async (doing: Promise<string | undefined>): Promise<void> => {
    busy = true;
    const reason = await doing;
    busy = false;
    const asked = next;
    next = undefined;
    if (!asked) return;
    if (!("by" in asked)) hasChosen(asked);
    else if (reason === undefined || asked.by !== "left") hasLeft(asked.by, asked.document);
  };
  const fails = (error: Error) => isLost(error.message);
  hasLeft = (by, document) => {
    if (document !== undefined && document === leaving) return; // it says so twice, or while it goes
    // A key makes AC leave too, and is the person's: it is not counted as the piece's own doing
    if (busy && next?.document === document && by === "left") return;
    if (busy) next = { by, document };
    else if (by === "held" ? menu && place !== menu.page : isAc) {
      leaving = document;
      act(bringBack(by)).catch(fails);
    }
  };
  hasChosen = (choice) => {
    const { folder, document, origin } = choice;
    if (place !== menu?.page || origin !== new URL(place.url).origin) return; // only the menu is believed
    const name = folder === "" ? last : folder;
    const chosen = name === undefined ? undefined : menu.pieces.get(name);
    if (!chosen || document === leaving) return;
    if (busy) {
      next = choice; // the menu is there for the person, and will be for us
      return;
    }
    leaving = document;
    last = name;
    act(goTo(chosen)).catch(fails);
  };
  const reloaded = async (): Promise<string | undefined> => {
    faults = [];
    await paintAfter(documents - 1);
    return await settle();
  };
  hasReloaded = () => {
    if (!busy && isAc) act(reloaded()).catch(fails); // by F5, or by itself
  };
  const shown = goTo(place);
  act(shown).catch(fails);
  const pulse = async () => {
    await shown;
    for (;;) {
      await delay(PULSE_SECONDS * 1000);
      if (busy) continue; // what opens a page waits for it
      const document = documents;
      const alive = ask("Runtime.evaluate", { expression: "0" });
      await alive.catch((error: unknown) => {
        if (!busy && document === documents) throw error; // else it was asked of a page that has gone
      });
    }
  };
  pulse().catch(fails);
  const leave = async (): Promise<void> => {
    if (busy || !(isAc || (menu && place !== menu.page))) return;
    const document = documents;
    const alive = within(
      ask("Runtime.evaluate", { expression: "0" }),
      timeoutSeconds * (isAc ? AFTER_KEY : AFTER_OTHER_KEY),
      "answered",
    );
    const hangs = await alive.then(() => false, () => true); // prettier-ignore
    if (!hangs || busy || document !== documents) return;
    command("Runtime.terminateExecution", {}, session);
    await act(menu ? goTo(menu.page) : show()).catch(fails);
  };
  const goToMenu = () => hasLeft("held", undefined);
  return { shown, lost, leave, goToMenu };
}

/** What has become of a page's process, by Chromium's word for it and its signal or exit code. */
function crashWords(status: string, code: number): string {
  if (status === "oom") return "run out of memory";
  if (status === "killed")
    return `been ended by the system (signal ${code}), as it does when memory runs out`;
  return `crashed (${status}, ${code})`;
}

/** What an event says has gone wrong in the page, in a line: an error that nobody caught, or one on its console. */
function faultIn(method: string, params: Record<string, unknown>): string | undefined {
  if (method === "Runtime.exceptionThrown") {
    const { text, exception } = params.exceptionDetails as { text: string; exception?: RemoteObject };
    return firstLine(exception?.description ?? text);
  }
  if (method === "Runtime.consoleAPICalled") {
    const { type, args } = params as { type: string; args: RemoteObject[] };
    const error = args.find(({ subtype }) => subtype === "error");
    if (error) return firstLine(error.description ?? "");
    if (type === "error")
      return firstLine(
        args.map(({ value }) => (typeof value === "string" ? value : JSON.stringify(value))).join(" "),
      );
  }
  return undefined;
}

interface RemoteObject {
  readonly subtype?: string;
  readonly description?: string;
  readonly value?: unknown;
}

function firstLine(words: string): string {
  return words.split("\n", 1)[0]?.slice(0, 300) ?? "";
}

/** What `coming` resolves with. Throws `Error` when that takes longer than `seconds`. */
async function within<T>(coming: Promise<T>, seconds: number, what: string): Promise<T> {
  const over = new AbortController();
  const late = delay(seconds * 1000, undefined, { signal: over.signal }).then(() => {
    throw new Error(`the page has not ${what} within ${Math.round(seconds)} s`);
  });
  try {
    return await Promise.race([coming, late]);
  } finally {
    over.abort();
    late.catch(() => {}); // called off
  }
}
