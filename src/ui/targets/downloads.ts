import { BrowserSettingError, DownloadEndedError, SaveError } from "../../errors.ts";
import type { Command, Control, FileInfo, KeepAliveAnswer, ServiceWorkerMessage } from "../../messages.ts";
import { runClock, type RunClock } from "../../time/run-clock.ts";
import { leftover } from "../leftover.ts";
import { canChoose } from "./chosen-file.ts";
import type { Target } from "./target.ts";

// The browser's own downloads. Our service worker answers an address with a stream, and the browser saves what a
// hidden frame with that address is answered (StreamSaver's mechanism). The page needs not be in the service worker's
// scope: it registers it by that scope, and sends it messages. Only such a message, not one over a port, extends the
// life of a service worker, and Firefox and WebKit stop one after some 30 s without any event, even in the middle of
// a download: so the build worker's heartbeat is passed on to it.

/**
 * Beside this module lie sw.js and the service worker's scope (Vite must not take either for its own). The scope
 * changes whenever page and service worker change what they say to each other: downloads under way keep the service
 * worker that they have, and a new page does not meet an old one.
 */
const SCOPE = "v3/";

/** How long a service worker may take to be registered and ready, in milliseconds. */
const OPEN_TIMEOUT_MS = 30_000;

/** A service worker that answers no keep-alive for this long has been stopped, in milliseconds. */
const SILENCE_MS = 150_000;

/** The browser may still take the last bytes through a frame when we have sent them, in milliseconds. */
const FRAME_LINGER_MS = 10_000;

/**
 * When a browser is set to ask where files go, its dialog takes the focus from the page within so long of the
 * download's start, in milliseconds.
 */
const DIALOG_OPENS_WITHIN_MS = 3_000;

/** For how long a dialog may be open before all is handed over all the same, in milliseconds. */
const DIALOG_TIMEOUT_MS = 300_000;

/** A download that is ended this soon after its start was hardly ended by a person, in milliseconds. */
const TAKEN_WITHIN_MS = 3_000;

const TAKEN_OVER =
  "The browser ended the download as soon as it began. If it was not you, an extension that manages downloads may have " +
  "taken it over: switch it off for this site";
const DID_NOT_START = "The part of this page that saves the file did not start";
const BLOCKED = "The Content-Security-Policy of this site (frame-src) keeps the browser from saving the file";
const STOPPED = "The browser stopped the part of this page that saves the file";

/** What a download needs of the browser. */
export interface DownloadsBrowser {
  /** Our service worker, active. Rejects where there is none. */
  serviceWorker(): Promise<Pick<ServiceWorker, "postMessage">>;
  /** Milliseconds, for differences. */
  now(): number;
  /** Whether people can choose where the file goes instead. */
  readonly canChoose: boolean;
  /** Call `onDialog` when the browser seems to ask the person something about the download, and when no longer. */
  watchDialogs(onDialog: (isOpen: boolean) => void, signal: AbortSignal): void;
  /** Open `url` where nobody sees it. `onBlocked` is called if a Content-Security-Policy forbids that. */
  openFrame(url: string, onBlocked: () => void): { remove(): void };
}

/**
 * The browser's downloads, as a target. The service worker is registered at once, since that needs the network.
 * `onStarted` is called when the browser has taken up the download.
 */
export function downloadsTarget(
  onStarted: () => void,
  browser: DownloadsBrowser = thisBrowser,
  clock: RunClock = runClock,
): Target {
  const ready = browser.serviceWorker();
  ready.catch(() => {}); // the person is told when they start the download
  let download: Download | undefined;
  let fileName = "";
  return {
    where: "downloads",
    async save(info, client) {
      const { port1: data, port2 } = new MessageChannel();
      ({ fileName } = info);
      download = startDownload(info, port2, { ready, browser, clock, onStarted });
      const [, isSaved] = await Promise.all([client.send(data), download.whole]);
      return isSaved;
    },
    keepAlive: () => download?.keepAlive(),
    discard(error) {
      download?.abort();
      const isEndedByPerson = error instanceof DownloadEndedError; // in the browser's list, which cleans up itself
      const hasLeftover = download?.isTaken() && !isEndedByPerson; // nothing was begun before the browser took it up
      return Promise.resolve(hasLeftover ? leftover(fileName) : "");
    },
  };
}

interface Download {
  /**
   * Resolves when the last byte has been handed to the browser, to whether no question of the browser's was open then;
   * rejects with `SaveError`, `BrowserSettingError`, `DownloadEndedError`.
   */
  readonly whole: Promise<boolean>;
  /** Whether the browser has taken it up. */
  isTaken(): boolean;
  keepAlive(): void;
  /** End it as failed: the browser throws away what it has. */
  abort(): void;
}

interface Surroundings {
  readonly ready: Promise<Pick<ServiceWorker, "postMessage">>;
  readonly browser: DownloadsBrowser;
  readonly clock: RunClock;
  readonly onStarted: () => void;
}

/** Let the browser download an image, taken from `data`, the other end of which belongs to the build worker. */
function startDownload(
  { fileName, size }: FileInfo,
  data: MessagePort,
  { ready, browser, clock, onStarted }: Surroundings,
): Download {
  const { port1: control, port2 } = new MessageChannel();
  const id = crypto.randomUUID();
  const { promise, resolve, reject } = deferred();
  const fail = (message: string, cause?: unknown) => reject(new SaveError(message, { cause }));
  const command = (message: Command) => control.postMessage(message);
  const orChoose = browser.canChoose ? ', or use "choose where"' : "";
  const opened = clock.after(OPEN_TIMEOUT_MS, () => fail(DID_NOT_START));
  let serviceWorker: Pick<ServiceWorker, "postMessage"> | undefined;
  let frame: { remove(): void } | undefined;
  /** Set while a keep-alive is unanswered: cancels what ends the download. */
  let answered: (() => void) | undefined;
  let isOver = false;
  let startedAt: number | undefined;
  let isAsking = false; // the browser, the person
  let endOfPatience = () => {};
  const over = new AbortController();

  const onDialog = (isOpen: boolean) => {
    if (isOpen === isAsking) return;
    isAsking = isOpen;
    endOfPatience();
    command(isOpen ? "hold" : "release");
    if (isOpen) endOfPatience = clock.after(DIALOG_TIMEOUT_MS, () => command("release"));
  };

  const post = (message: ServiceWorkerMessage, ports: MessagePort[]) =>
    serviceWorker?.postMessage(message, ports);

  control.onmessage = ({ data: message }: MessageEvent<Control>) => {
    if (message.type === "ready") {
      opened();
      frame = browser.openFrame(message.url, () => fail(BLOCKED));
    } else if (message.type === "started") {
      startedAt = browser.now();
      browser.watchDialogs(onDialog, over.signal);
      onStarted();
    } else if (message.type === "whole") resolve(!isAsking);
    else if (message.type === "failed") fail(message.message);
    else if (!isAsking && browser.now() - (startedAt ?? 0) < TAKEN_WITHIN_MS) {
      reject(new BrowserSettingError(`${TAKEN_OVER}${orChoose}`));
    } else {
      const why = "The browser ended the download: it was cancelled there, or the disk is full";
      reject(new DownloadEndedError(why));
    }
  };

  const close = () => {
    if (isOver) return;
    isOver = true;
    opened();
    answered?.();
    endOfPatience();
    over.abort();
    control.onmessage = null;
    clock.after(FRAME_LINGER_MS, () => frame?.remove());
  };

  const open = async () => {
    try {
      const active = await ready;
      if (isOver) return;
      serviceWorker = active;
      post({ type: "open", id, fileName, size }, [port2, data]);
    } catch (error) {
      if (error instanceof BrowserSettingError) {
        reject(new BrowserSettingError(`${error.message}${orChoose}`, { cause: error.cause }));
      } else {
        const why = error instanceof Error ? error.message : String(error);
        fail(`This browser cannot save large files here (${why})`, error);
      }
    }
  };
  void open();

  return {
    whole: promise.finally(close),
    isTaken: () => startedAt !== undefined,
    keepAlive() {
      clock.tick(); // a hidden page's own timers hardly run
      if (isOver || !serviceWorker) return;
      answered ??= clock.after(SILENCE_MS, () => fail(STOPPED, new Error("no sign of life")));
      const { port1, port2: answers } = new MessageChannel();
      port1.onmessage = ({ data: { known } }: MessageEvent<KeepAliveAnswer>) => {
        port1.close();
        answered?.();
        answered = undefined;
        if (!known) fail(STOPPED, new Error("it was stopped, and started again for this message"));
      };
      post({ type: "keepAlive", id }, [answers]);
    },
    abort() {
      command("abort");
      close();
    },
  };
}

const BLOCKED_HERE =
  "This browser keeps the part that saves the file (a service worker) from running on this site, as it does where " +
  "cookies are blocked: allow cookies for this site, and reload the page";

/** Why there are none, and what to do. */
function noServiceWorkers(): string {
  return isSecureContext
    ? "This browser has switched off what saves large files (service workers), as in a private window: use an ordinary one"
    : "Browsers save large files only from encrypted pages: open this one by its https address";
}

const thisBrowser: DownloadsBrowser = {
  canChoose,
  now: () => performance.now(),
  watchDialogs(onDialog, signal) {
    const end = performance.now() + DIALOG_OPENS_WITHIN_MS;
    const isShown = () => document.visibilityState === "visible";
    // A dialog lies over the page and takes its focus; who goes to another tab or window hides it, or comes back.
    const onBlur = () => void (performance.now() < end && isShown() && onDialog(true));
    window.addEventListener("blur", onBlur, { signal });
    window.addEventListener("focus", () => onDialog(false), { signal });
    document.addEventListener("visibilitychange", () => void (isShown() || onDialog(false)), { signal });
  },
  async serviceWorker() {
    const here = import.meta.url;
    const container = (navigator as { serviceWorker?: ServiceWorkerContainer }).serviceWorker;
    if (!container) throw new BrowserSettingError(noServiceWorkers());
    // Always ours, by its scope: AC has one of its own at /, which controls the page.
    const scope = new URL(SCOPE, here).href;
    const registration = await container
      .register(new URL("sw.js", here).href, { scope })
      .catch((error: unknown) => {
        // Not what fetching it fails with, which is a TypeError, or a SecurityError for its type or its scope.
        const isBlocked = /denied|not supported|insecure|blocked|disabled/i.test(String(error));
        throw isBlocked ? new BrowserSettingError(BLOCKED_HERE, { cause: error }) : error;
      });
    const worker = registration.active ?? registration.waiting ?? registration.installing;
    if (!worker) throw new Error("the service worker did not start");
    while (worker.state !== "activated") {
      if (worker.state === "redundant") throw new Error("the service worker did not start");
      await new Promise((changed) => worker.addEventListener("statechange", changed, { once: true }));
    }
    return worker;
  },
  openFrame(url, onBlocked) {
    const frame = document.createElement("iframe");
    const over = new AbortController();
    const onViolation = ({ blockedURI }: SecurityPolicyViolationEvent) => {
      if (url.startsWith(blockedURI)) onBlocked(); // which says no more than the origin in some browsers
    };
    document.addEventListener("securitypolicyviolation", onViolation, { signal: over.signal });
    frame.hidden = true;
    frame.src = url;
    document.body.append(frame);
    return {
      remove() {
        over.abort();
        frame.remove();
      },
    };
  },
};

function deferred() {
  let resolve!: (isSaved: boolean) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<boolean>((done, failed) => ([resolve, reject] = [done, failed]));
  return { promise, resolve, reject };
}
