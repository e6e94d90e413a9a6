import type { EventEmitter } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Event, Protocol } from "./protocol.ts";

/** A page that is watched over. */
export interface Page {
  /** Resolves when the page has loaded and painted; rejects with an `Error` when that takes longer than `timeoutSeconds`. */
  readonly painted: Promise<void>;
  /** Resolves, with the reason, when the page is no longer there or does not answer; never rejects. */
  readonly lost: Promise<string>;
}

/** What page is opened. */
export interface PageOptions {
  readonly url: string;
  /** How long it may take to paint, and after that to answer. */
  readonly timeoutSeconds: number;
}

/** What a piece may use without a question: a kiosk has nobody to ask. */
const PERMISSIONS = [
  "audioCapture",
  "clipboardReadWrite",
  "clipboardSanitizedWrite",
  "durableStorage",
  "midi",
  "midiSysex",
  "sensors",
  "videoCapture",
  "wakeLockScreen",
];

/** How often the page is asked whether it is alive. */
const PULSE_SECONDS = 5;
/** Our script's world in the page, and what it reports by. */
const WORLD = "kiosk";
const REPORT = "kioskReport";
/** Frames in processes of their own are attached to before they run anything. */
const FRAMES = {
  autoAttach: true,
  waitForDebuggerOnStart: true,
  flatten: true,
  filter: [{ type: "iframe" }, { exclude: true }],
};
const SCRIPT = new URL("in-page.js", import.meta.url);

/**
 * Have the browser open `url` in the page that it was started with, close every other one, and watch. Throws `Error` when
 * the browser refuses a command.
 */
export async function openPage(
  protocol: Protocol,
  events: EventEmitter<{ event: [Event] }>,
  { url, timeoutSeconds }: PageOptions,
): Promise<Page> {
  let session: string | undefined;
  let arrived = false;
  let hasPainted = () => {};
  let isLost = (_why: string) => {};
  const painting = new Promise<void>((done) => (hasPainted = done));
  const lost = new Promise<string>((done) => (isLost = done));
  const { origin } = new URL(url);
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
        if (targetId !== ours) command("Target.closeTarget", { targetId }, undefined);
      }
      if (method === "Target.attachedToTarget" && params.waitingForDebugger === true) {
        const frame = String(params.sessionId); // of another process, which our script has not reached by itself
        command("Page.enable", {}, frame);
        command("Page.addScriptToEvaluateOnNewDocument", { source, worldName: WORLD }, frame);
        command("Target.setAutoAttach", FRAMES, frame);
        command("Runtime.runIfWaitingForDebugger", {}, frame);
      }
      if (sessionId === undefined || sessionId !== session) return;
      if (method === "Runtime.bindingCalled" && params.name === REPORT) hasPainted();
      if (method === "Page.javascriptDialogOpening") {
        command("Page.handleJavaScriptDialog", { accept: true }, sessionId);
      }
      if (method === "Page.frameNavigated") {
        const frame = params.frame as { parentId?: string; url: string; unreachableUrl?: string };
        const here = frame.unreachableUrl === undefined && new URL(frame.url).origin === origin;
        if (frame.parentId === undefined && arrived && !here) isLost("the page has gone elsewhere");
        if (frame.parentId === undefined) arrived ||= here; // what the browser was started with comes before
      }
      if (method === "Inspector.targetCrashed") isLost("the page has crashed");
      if (method === "Inspector.detached") isLost(`the page has gone: ${String(params.reason)}`);
    });
  });
  await protocol.send("Target.setDiscoverTargets", { discover: true });
  const targetId = await found;
  const attached = await protocol.send("Target.attachToTarget", { targetId, flatten: true });
  session = String(attached.sessionId);
  const ask = (method: string, params: object = {}) => protocol.send(method, params, session);
  await ask("Inspector.enable");
  await ask("Page.enable");
  await ask("Runtime.enable");
  await ask("Runtime.addBinding", { name: REPORT, executionContextName: WORLD });
  await ask("Target.setAutoAttach", FRAMES);
  await ask("Page.addScriptToEvaluateOnNewDocument", { source, worldName: WORLD });
  await protocol.send("Browser.grantPermissions", { origin, permissions: PERMISSIONS });
  const { errorText } = await ask("Page.navigate", { url });
  if (typeof errorText === "string") throw new Error(`${url}: ${errorText}`);

  const painted = within(painting, timeoutSeconds, "painted");
  const pulse = async () => {
    await painted;
    await ask("Page.resetNavigationHistory"); // a mouse has a button that would go back to an empty page
    await ask("Runtime.disable"); // or the browser keeps all that the piece ever writes to its console
    for (;;) {
      await delay(PULSE_SECONDS * 1000);
      await within(ask("Runtime.evaluate", { expression: "0" }), timeoutSeconds, "answered");
    }
  };
  pulse().catch((error: Error) => isLost(error.message));
  return { painted, lost };
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
