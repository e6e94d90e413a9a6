// @ts-check
// Answers a same-origin URL with a build's bytes, so that the browser saves them as a download, with its own
// progress, to its own folder, and without this or any page holding them (StreamSaver's mechanism).
//
//   page ─open + ports, keepAlive─▶ here        control: page ⇄ here        data: build worker ⇄ here
//
// The data port joins us to the build worker directly: the page's thread never sees a byte. The page is outside our
// scope; only the address of a download is inside.

/// <reference lib="webworker" />
/** @typedef {import("../../../src/messages.ts").ServiceWorkerMessage} ServiceWorkerMessage */
/** @typedef {import("../../../src/messages.ts").OpenDownload} OpenDownload */
/** @typedef {import("../../../src/messages.ts").KeepAliveAnswer} KeepAliveAnswer */
/** @typedef {import("../../../src/messages.ts").Control} Control */
/** @typedef {import("../../../src/messages.ts").Command} Command */
/** @typedef {import("../../../src/messages.ts").DataAnswer} DataAnswer */
/** @typedef {{ open: OpenDownload, control: MessagePort, data: MessagePort, taken: boolean }} Download */

const sw = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

/**
 * Downloads that have been opened, by id; one stays here until its last byte, an error or a cancel.
 * @type {Map<string, Download>}
 */
const downloads = new Map();

/**
 * The ids of all downloads since we were started, for the page to know that we have not been started anew. One that
 * is over stays: a keep-alive may cross the message that says how it ended.
 * @type {Set<string>}
 */
const opened = new Set();

/**
 * Firefox ends a service worker some 30 s after its last event, and as a computer wakes from sleep that time is over
 * before a keep-alive can come. Only one that is still at work on an event is given 30 s more: so an event lasts until
 * the next one there. (Elsewhere it does not: Chromium ends service workers whose events last for minutes.)
 */
const eventsLast = /Firefox\//.test(sw.navigator.userAgent);
let endEvent = () => {};

/** @param {ExtendableEvent} event */
function lastUntilNext(event) {
  endEvent();
  if (eventsLast) event.waitUntil(new Promise((over) => (endEvent = () => over(undefined))));
}

// No skipWaiting(): a newer service worker would end the downloads that an older one is answering.
sw.addEventListener("message", (event) => {
  const message = /** @type {ServiceWorkerMessage} */ (event.data);
  const [port, data] = event.ports;
  if (!port) return;
  lastUntilNext(event);
  if (message.type === "keepAlive") {
    // That this message has come is what keeps us awake.
    /** @type {KeepAliveAnswer} */
    const answer = { known: opened.has(message.id) };
    port.postMessage(answer);
  } else if (data) {
    const download = { open: message, control: port, data, taken: false };
    downloads.set(message.id, download);
    opened.add(message.id);
    port.onmessage = ({ data: command }) => {
      if (command === "abort") end(download); // before the browser asked for anything
    };
    report(download, { type: "ready", url: `${sw.registration.scope}download/${message.id}` });
  }
});

sw.addEventListener("fetch", (event) => {
  const id = new URL(event.request.url).pathname.split("/download/")[1];
  if (id === undefined) return;
  const download = downloads.get(id);
  if (download && !download.taken) event.respondWith(respond(download));
  else event.respondWith(new Response("This download is over.", { status: 410 }));
});

/** @param {Download} download */
function respond(download) {
  const { open } = download;
  download.taken = true; // there is one stream: a second request gets none
  report(download, { type: "started" });
  // One chunk ahead of the browser: the next is made while it writes.
  return new Response(new ReadableStream(source(download), { highWaterMark: 1 }), {
    headers: {
      "Content-Type": "application/octet-stream",
      "Content-Length": String(open.size),
      "Content-Disposition": disposition(open.fileName),
      "Content-Security-Policy": "default-src 'none'",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/**
 * The stream's source: one chunk for each pull, asked of the worker.
 * @param {Download} download
 * @returns {UnderlyingDefaultSource<Uint8Array>}
 */
function source(download) {
  const { open, control, data } = download;
  let written = 0;
  let isHeld = false;
  let release = () => {};
  /** @type {ArrayBuffer[]} */
  const taken = []; // chunks that the browser has or had
  return {
    start(controller) {
      const stop = () => {
        release = () => {};
        controller.error(new Error("the build was stopped")); // or the browser would wait for ever
        end(download);
      };
      control.onmessage = ({ data: message }) => {
        const command = /** @type {Command} */ (message);
        if (command === "abort") return stop();
        isHeld = command === "hold";
        if (!isHeld) release();
      };
      control.addEventListener("close", stop); // the page is gone, where browsers tell
    },
    pull: (controller) =>
      new Promise((pulled) => {
        data.onmessage = ({ data: message }) => {
          const answer = /** @type {DataAnswer} */ (message);
          if ("chunk" in answer) {
            written += answer.chunk.byteLength;
            taken.push(answer.chunk);
            const hand = () => {
              release = () => {};
              controller.enqueue(new Uint8Array(answer.chunk));
              pulled();
            };
            // Without its last chunk the browser cannot take the file for whole, whatever the person says to it.
            if (isHeld && written === open.size) release = hand;
            else hand();
            return;
          }
          if ("end" in answer && written === open.size) {
            controller.close();
            report(download, { type: "whole" });
            end(download);
          } else {
            const short = `The browser was handed ${written} of ${open.size} bytes`;
            controller.error(new Error("error" in answer ? answer.error : short));
            if ("end" in answer) report(download, { type: "failed", message: short }); // the worker tells the page of its own errors
            end(download);
          }
          pulled();
        };
        // A pull means that the browser has begun to read the last chunk. Its memory goes back three chunks later.
        const back = taken.length > 3 ? taken.shift() : undefined;
        data.postMessage({ back }, back ? [back] : []);
      }),
    cancel() {
      release = () => {};
      report(download, { type: "cancelled" }); // in the browser's own list of downloads
      data.postMessage("cancel");
      end(download);
    },
  };
}

/** @param {Download} download */
function end({ open, data }) {
  downloads.delete(open.id);
  data.onmessage = null;
  if (downloads.size === 0) endEvent();
}

/**
 * Tell the page.
 * @param {Download} download
 * @param {Control} message
 */
function report({ control }, message) {
  control.postMessage(message);
}

/**
 * RFC 6266, with RFC 8187 for a name that is not ASCII (ours are).
 * @param {string} fileName
 */
function disposition(fileName) {
  const plain = fileName.replace(/[^\w@.-]/g, "_");
  const encoded = encodeURIComponent(fileName).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
