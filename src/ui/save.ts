import { DownloadEndedError, SaveError } from "../errors.ts";
import type { Abort, Control, Lost, OpenDownload } from "../messages.ts";

const here = import.meta.url; // beside it lie mitm.html and sw.js, which Vite must not take for its own

/** A download under way. */
export interface Download {
  /** Settles when the last byte has been handed to the browser; throws `SaveError`. */
  readonly whole: Promise<void>;
  /** Keep the service worker awake: to be called every few seconds, also while the page is hidden. */
  beat(): void;
  /** End it as failed: the browser throws away what it has. */
  abort(): void;
}

/**
 * A service worker that says nothing for this long has been stopped, in milliseconds. It is pinged every
 * few seconds, but browsers let a hidden page's own timers run only once a minute.
 */
const SILENCE = 150_000;

const STOPPED = "The browser stopped the part of this page that saves the file";

/** The browser may still be taking the last bytes through a frame when we know them gone, in milliseconds. */
const LINGER = 10_000;

/** How long a service worker may take to be registered and ready, in milliseconds. */
const OPENING = 30_000;

/** The hidden page that speaks with the service worker: opened early, since it needs the network. */
export interface DownloadFrame {
  readonly frame: HTMLIFrameElement;
  readonly loaded: Promise<unknown>;
}

/** Open one, for one download. */
export function openDownloadFrame(): DownloadFrame {
  const gate = frame(new URL("mitm.html", here).href);
  return { frame: gate, loaded: new Promise((loaded) => gate.addEventListener("load", loaded)) };
}

/**
 * Let the browser download `size` bytes as `fileName`, taken from `data`, the other end of which belongs
 * to the worker, through `gate`. `onWritten` hears the total handed to the browser so far, first 0 when the browser has
 * taken the download up.
 */
export function download(
  { fileName, size }: { fileName: string; size: number },
  data: MessagePort,
  gate: DownloadFrame,
  onWritten: (written: number) => void,
): Download {
  const { port1: control, port2 } = new MessageChannel();
  const open: OpenDownload = { type: "open", id: crypto.randomUUID(), fileName, size };
  const frames = [gate.frame];
  const lost = new Error("no sign of life");
  let silence: ReturnType<typeof setTimeout> | undefined;

  let lose = () => {};
  const lostMessage = ({ origin, data: said }: MessageEvent<Lost>) => {
    if (origin === location.origin && said?.type === "os:lost" && said.id === open.id) lose();
  };

  const whole = new Promise<void>((resolve, reject) => {
    const fail = (message: string, cause?: unknown) => reject(new SaveError(message, { cause }));
    const patience = (time: number, message: string) => {
      clearTimeout(silence);
      silence = setTimeout(() => fail(message, lost), time);
    };
    control.onmessage = ({ data: said }: MessageEvent<Control>) => {
      patience(SILENCE, STOPPED);
      if (said.type === "ready") frames.push(frame(said.url));
      else if (said.type === "started") onWritten(0);
      else if (said.type === "written") onWritten(said.written);
      else if (said.type === "whole") resolve();
      else if (said.type === "cancelled") {
        reject(
          new DownloadEndedError(
            "The browser ended the download: it was cancelled there, or the disk is full",
          ),
        );
      } else if (said.type === "failed") fail(said.message);
    };
    patience(OPENING, "The part of this page that saves the file did not start");
    addEventListener("message", lostMessage);
    lose = () => fail(STOPPED, lost);
    void gate.loaded.then(() => gate.frame.contentWindow?.postMessage(open, location.origin, [port2, data]));
  });

  const close = () => {
    clearTimeout(silence);
    control.onmessage = null;
    removeEventListener("message", lostMessage);
    setTimeout(() => frames.forEach((each) => each.remove()), LINGER);
  };
  return {
    whole: whole.finally(close),
    beat: () => gate.frame.contentWindow?.postMessage("beat", location.origin),
    abort() {
      control.postMessage("abort" satisfies Abort);
      close();
    },
  };
}

function frame(src: string): HTMLIFrameElement {
  const element = document.createElement("iframe");
  element.hidden = true;
  element.src = src;
  document.body.append(element);
  return element;
}
