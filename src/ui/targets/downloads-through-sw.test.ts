import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Bytes } from "../../bytes/segment.ts";
import { CancelledError } from "../../errors.ts";
import type { KeepAliveAnswer, ServiceWorkerMessage } from "../../messages.ts";
import { joined, pattern } from "../../testing/bytes.ts";
import { info } from "../../testing/states.ts";
import { sha256Of } from "../../testing/test-base.ts";
import { pump } from "../../worker/pump.ts";
import type { BuildClient } from "../build-client.ts";
import { downloadsTarget, type DownloadsBrowser } from "./downloads.ts";

// public/aesthetic.computer/os/sw.js as it is shipped, between the page's target and the build worker's pump, without
// a browser.

const SCOPE = "https://ac.example/aesthetic.computer/os/v3/";
const MIB = 1024 * 1024;
const bytes = pattern(3 * MIB + 5);
const image = { ...info, size: bytes.length };

/** Runs sw.js, and is the browser that asks it for downloads. */
class FakeBrowser implements DownloadsBrowser {
  #listeners = new Map<string, (event: object) => void>();
  response: Promise<Response> | undefined;
  readonly canChoose = true;
  time = 0;
  onDialog: (isOpen: boolean) => void = () => {};
  userAgent = "Chrome/156.0.0.0";
  /** What events wait for. */
  readonly waits: Promise<unknown>[] = [];

  readonly now = () => this.time;
  readonly watchDialogs = (onDialog: (isOpen: boolean) => void) => (this.onDialog = onDialog);

  /** Start the service worker; once more, and it knows nothing of what was before. */
  async start(): Promise<void> {
    this.#listeners = new Map();
    const addEventListener = (type: string, listener: (event: object) => void) =>
      this.#listeners.set(type, listener);
    const navigator = { userAgent: this.userAgent };
    vi.stubGlobal("self", { addEventListener, registration: { scope: SCOPE }, navigator });
    vi.resetModules();
    // Not by a literal, or tsc would check it with the types of a page.
    // oxlint-disable-next-line typescript/no-unnecessary-type-assertion
    await import("../../../public/aesthetic.computer/os/sw.js" as string);
  }

  serviceWorker(): Promise<Pick<ServiceWorker, "postMessage">> {
    const postMessage = (data: ServiceWorkerMessage, ports: MessagePort[]) =>
      this.#listeners.get("message")?.({
        data,
        ports,
        waitUntil: (end: Promise<unknown>) => this.waits.push(end),
      });
    return Promise.resolve({ postMessage: postMessage as ServiceWorker["postMessage"] });
  }

  openFrame(url: string) {
    this.response = this.ask(url);
    return { remove() {} };
  }

  ask(url: string): Promise<Response> {
    return new Promise((respondWith) => this.#listeners.get("fetch")?.({ request: { url }, respondWith }));
  }

  /** What the service worker answers to a keep-alive. */
  async knows(id: string): Promise<boolean> {
    const { port1, port2 } = new MessageChannel();
    const answer = new Promise<KeepAliveAnswer>((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
    (await this.serviceWorker()).postMessage({ type: "keepAlive", id }, [port2]);
    const { known } = await answer;
    port1.close();
    return known;
  }
}

let browser: FakeBrowser;
const onStarted = vi.fn();
beforeEach(async () => {
  onStarted.mockClear();
  browser = new FakeBrowser();
  await browser.start();
});
afterEach(() => vi.unstubAllGlobals());

async function* chunks(length = bytes.length, failure?: Error): AsyncGenerator<Bytes> {
  for (let at = 0; at < length; at += MIB) yield bytes.slice(at, Math.min(at + MIB, length));
  if (failure) throw failure;
}

/** A download under way, and what the browser is answered for it. */
async function begin(source = chunks()) {
  const client = { send: (port: MessagePort) => pump({ chunks: () => source }, port) } as BuildClient;
  const target = downloadsTarget(onStarted, browser);
  const saving = target.save(image, client);
  saving.catch(() => {});
  await vi.waitFor(() => expect(browser.response).toBeDefined());
  const response = await browser.response!;
  return { target, saving, response };
}

async function bodyOf({ body }: Response): Promise<Bytes> {
  const all: Bytes[] = [];
  for await (const chunk of body as unknown as AsyncIterable<Bytes>) all.push(chunk.slice());
  return joined(all);
}

test("the browser is given the image, with its name and size", async () => {
  const { saving, response } = await begin();
  expect(response.headers.get("Content-Length")).toBe(String(image.size));
  expect(response.headers.get("Content-Disposition")).toContain('attachment; filename="notepat-os.iso"');
  await vi.waitFor(() => expect(onStarted).toHaveBeenCalledOnce());
  expect(sha256Of(await bodyOf(response))).toBe(sha256Of(bytes));
  await saving;
});

test("an address is answered once, and no other is", async () => {
  const { response } = await begin();
  expect((await browser.ask(`${SCOPE}download/other`)).status).toBe(410);
  await bodyOf(response);
  expect(await browser.ask(`${SCOPE}download/other`).then(({ status }) => status)).toBe(410);
});

test("a build that fails ends the browser's download as failed, and says why", async () => {
  const { saving, response } = await begin(chunks(MIB, new Error("the server is gone")));
  await expect(bodyOf(response)).rejects.toThrow("the server is gone");
  await expect(saving).rejects.toThrow("the server is gone");
});

test("an image that comes to another size is never whole", async () => {
  const { saving, response } = await begin(chunks(2 * MIB));
  await expect(bodyOf(response)).rejects.toThrow(`${2 * MIB} of ${image.size} bytes`);
  await expect(saving).rejects.toThrow(`${2 * MIB} of ${image.size} bytes`);
});

test("while the browser asks where the file goes, it is not handed its end", async () => {
  const { saving, response } = await begin();
  const over = vi.fn();
  void saving.then(over);
  await vi.waitFor(() => expect(onStarted).toHaveBeenCalledOnce());
  browser.onDialog(true);
  const body = (response.body as ReadableStream<Bytes>).getReader();
  for (let read = 0; read < 3 * MIB;) read += (await body.read()).value!.length;
  const last = body.read();
  expect(await Promise.race([last, new Promise((late) => setTimeout(late, 200, "nothing"))])).toBe("nothing");
  expect(over).not.toHaveBeenCalled();
  browser.onDialog(false);
  expect((await last).value).toHaveLength(5);
  expect((await body.read()).done).toBe(true);
  expect(await saving).toBe(true);
});

test("a download that is cancelled in that dialog is over, and not done", async () => {
  const { saving, response } = await begin();
  await vi.waitFor(() => expect(onStarted).toHaveBeenCalledOnce());
  browser.onDialog(true);
  const body = (response.body as ReadableStream<Bytes>).getReader();
  for (let read = 0; read < 3 * MIB;) read += (await body.read()).value!.length;
  await body.cancel();
  await expect(saving).rejects.toMatchObject({ name: "DownloadEndedError" });
});

test("a download that the browser cancels is told", async () => {
  const { saving, response } = await begin();
  await vi.waitFor(() => expect(onStarted).toHaveBeenCalledOnce());
  browser.time = 3_000;
  await response.body?.cancel();
  await expect(saving).rejects.toMatchObject({ name: "DownloadEndedError" });
});

test("a build that is discarded ends the browser's download as failed", async () => {
  vi.stubGlobal("navigator", { userAgent: "" });
  const { target, response } = await begin();
  await target.discard(new CancelledError("stopped"));
  await expect(bodyOf(response)).rejects.toThrow("the build was stopped");
});

test("a keep-alive is answered while it lasts and when it is over, and not after a new start", async () => {
  let id = "";
  const { serviceWorker } = browser;
  browser.serviceWorker = async () => {
    const { postMessage } = await serviceWorker.call(browser);
    return {
      postMessage: ((message: ServiceWorkerMessage, ports: MessagePort[]) => {
        ({ id } = message);
        postMessage(message, ports);
      }) as ServiceWorker["postMessage"],
    };
  };
  const { saving, response } = await begin();
  expect(await browser.knows(id)).toBe(true);
  await bodyOf(response);
  await saving;
  expect(await browser.knows(id)).toBe(true);
  await browser.start();
  expect(await browser.knows(id)).toBe(false);
});

test("in Firefox each event lasts until the next, and the last one until the download is over", async () => {
  browser.userAgent = "Gecko/20100101 Firefox/153.0";
  await browser.start();
  const over: number[] = [];
  const { target, saving, response } = await begin();
  target.keepAlive();
  target.keepAlive();
  expect(browser.waits).toHaveLength(3);
  browser.waits.forEach((wait, i) => void wait.then(() => over.push(i)));
  await vi.waitFor(() => expect(over).toEqual([0, 1]));
  await bodyOf(response);
  await saving;
  await vi.waitFor(() => expect(over).toEqual([0, 1, 2]));
});

test("elsewhere none lasts: Chromium ends service workers whose events take minutes", async () => {
  const { target } = await begin();
  target.keepAlive();
  expect(browser.waits).toEqual([]);
});

test("one that was stopped and started again ends the build", async () => {
  const { target, saving } = await begin();
  await browser.start();
  target.keepAlive();
  await expect(saving).rejects.toThrow(/stopped the part of this page that saves/);
});
