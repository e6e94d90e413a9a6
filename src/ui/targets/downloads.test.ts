import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BrowserSettingError, CancelledError, DownloadEndedError, SaveError } from "../../errors.ts";
import type { Control, KeepAliveAnswer, ServiceWorkerMessage } from "../../messages.ts";
import { info } from "../../testing/states.ts";
import { Computer } from "../../testing/computer.ts";
import type { BuildClient } from "../build-client.ts";
import { downloadsTarget, type DownloadsBrowser } from "./downloads.ts";

/** A service worker that a test speaks for, and the frames that are open. */
class FakeBrowser implements DownloadsBrowser {
  readonly messages: ServiceWorkerMessage[] = [];
  readonly frames: string[] = [];
  control: MessagePort | undefined;
  answer: KeepAliveAnswer | undefined = { known: true };
  /** What has come over the control port. */
  commands = vi.fn();
  canChoose = true;
  time = 0;
  onDialog: (isOpen: boolean) => void = () => {};
  readonly now = () => this.time;
  readonly watchDialogs = (onDialog: (isOpen: boolean) => void) => (this.onDialog = onDialog);

  serviceWorker(): Promise<Pick<ServiceWorker, "postMessage">> {
    return Promise.resolve({ postMessage: this.#receive as ServiceWorker["postMessage"] });
  }

  block = () => {};

  openFrame(url: string, onBlocked: () => void) {
    this.frames.push(url);
    this.block = onBlocked;
    return { remove: () => this.frames.splice(this.frames.indexOf(url), 1) };
  }

  say(message: Control): void {
    this.control?.postMessage(message);
  }

  readonly #receive = (message: ServiceWorkerMessage, [port]: MessagePort[]) => {
    this.messages.push(message);
    if (message.type === "keepAlive") {
      if (this.answer) port?.postMessage(this.answer);
    } else {
      this.control = port;
      port!.onmessage = ({ data }) => this.commands(data);
    }
  };
}

let browser: FakeBrowser;
let computer: Computer;
const onStarted = vi.fn();
const client = { send: () => Promise.resolve() } as unknown as BuildClient;

beforeEach(() => {
  browser = new FakeBrowser();
  computer = new Computer();
  onStarted.mockClear();
});
afterEach(() => {
  browser.control?.close();
});

/** A download that the service worker has been told of. */
async function begin() {
  const target = downloadsTarget(onStarted, browser, computer.clock);
  const saving = target.save(info, client);
  saving.catch(() => {});
  await vi.waitFor(() => expect(browser.messages).toHaveLength(1));
  return { target, saving };
}

/** A download that the browser has taken up. */
async function taken() {
  const download = await begin();
  browser.say({ type: "ready", url: "v3/download/1" });
  await vi.waitFor(() => expect(browser.frames).toHaveLength(1));
  browser.say({ type: "started" });
  await vi.waitFor(() => expect(onStarted).toHaveBeenCalledOnce());
  return download;
}

test("the service worker is told of the download, and its address is opened unseen", async () => {
  const { saving } = await begin();
  const [open] = browser.messages;
  expect(open).toMatchObject({ type: "open", fileName: info.fileName, size: info.size });
  browser.say({ type: "ready", url: "v3/download/1" });
  await vi.waitFor(() => expect(browser.frames).toEqual(["v3/download/1"]));
  expect(onStarted).not.toHaveBeenCalled();
  browser.say({ type: "started" });
  await vi.waitFor(() => expect(onStarted).toHaveBeenCalledOnce());
  browser.say({ type: "whole" });
  expect(await saving).toBe(true);
});

test("it is whole only when the worker says so too", async () => {
  const failing = { send: () => Promise.reject(new SaveError("of the worker's")) } as unknown as BuildClient;
  const saving = downloadsTarget(onStarted, browser, computer.clock).save(info, failing);
  await expect(saving).rejects.toThrow("of the worker's");
});

test.each<[string, Control, string, RegExp]>([
  ["fails", { type: "failed", message: "12 of 13 bytes" }, "SaveError", /12 of 13 bytes/],
  [
    "is cancelled in the browser's list",
    { type: "cancelled" },
    "DownloadEndedError",
    /browser ended the download/,
  ],
])("a download that %s", async (_, message, name, words) => {
  const { saving } = await taken();
  browser.time = 3_000;
  browser.say(message);
  await expect(saving).rejects.toMatchObject({ name, message: expect.stringMatching(words) as string });
});

test("a site whose policy forbids the frame is named as the cause", async () => {
  const { saving } = await begin();
  browser.say({ type: "ready", url: "v3/download/1" });
  await vi.waitFor(() => expect(browser.frames).toHaveLength(1));
  browser.block();
  await expect(saving).rejects.toThrow(/Content-Security-Policy of this site \(frame-src\)/);
});

test("nothing is sent to keep it awake before there is a download", async () => {
  const target = downloadsTarget(onStarted, browser, computer.clock);
  await Promise.resolve();
  target.keepAlive();
  expect(browser.messages).toEqual([]);
});

test("each heartbeat is passed on as a message of its own, which alone extends its life", async () => {
  const { target } = await begin();
  target.keepAlive();
  target.keepAlive();
  const [open, ...rest] = browser.messages;
  const { id } = open as { id: string };
  expect(rest).toEqual([
    { type: "keepAlive", id },
    { type: "keepAlive", id },
  ]);
});

test("one that was stopped and started again is noticed at once", async () => {
  const { target, saving } = await begin();
  browser.answer = { known: false };
  target.keepAlive();
  await expect(saving).rejects.toThrow(/stopped the part of this page that saves/);
});

test("one that answers nothing for 150 s is given up, and each answer begins them anew", async () => {
  const { target, saving } = await taken();
  const failed = vi.fn();
  saving.catch(failed);
  const heartbeats = async (count: number) => {
    for (let i = 0; i < count; i++) {
      target.keepAlive();
      await messagesCome();
      computer.run(5_000);
    }
  };
  browser.answer = undefined;
  await heartbeats(29);
  browser.answer = { known: true };
  await heartbeats(1);
  browser.answer = undefined;
  await heartbeats(29);
  expect(failed).not.toHaveBeenCalled();
  await heartbeats(1);
  await expect(saving).rejects.toThrow(/stopped the part of this page that saves/);
});

test.each([
  ["a computer that sleeps", 0],
  ["a tab that is frozen, whose build worker runs on", 33],
])("%s for an hour does not count as silence", async (_, heartbeats) => {
  const { target, saving } = await taken();
  const failed = vi.fn();
  saving.catch(failed);
  browser.answer = undefined;
  target.keepAlive(); // and before it is answered, nothing runs any more
  computer.sleep(3600_000);
  for (let i = 0; i < heartbeats; i++) target.keepAlive(); // come all at once
  computer.run(20_000);
  await messagesCome();
  expect(failed).not.toHaveBeenCalled();
  browser.answer = { known: true };
  target.keepAlive();
  await messagesCome();
  computer.run(149_000);
  await messagesCome();
  expect(failed).not.toHaveBeenCalled();
});

test.each([
  ["awake", 29_999],
  ["asleep for an hour", 28_999], // of which a second counts
])("one that does not start is given up after 30 s, %s", async (how, ms) => {
  browser.serviceWorker = () => new Promise(() => {});
  const failed = vi.fn();
  const saving = downloadsTarget(onStarted, browser, computer.clock).save(info, client);
  saving.catch(failed);
  if (how !== "awake") computer.sleep(3600_000);
  computer.run(ms);
  await messagesCome();
  expect(failed).not.toHaveBeenCalled();
  computer.run(1);
  await expect(saving).rejects.toThrow(/that saves the file did not start/);
});

test("a browser that has none is told of when the person begins, with the reason", async () => {
  browser.serviceWorker = () => Promise.reject(new Error("HTTP 404"));
  const target = downloadsTarget(onStarted, browser, computer.clock);
  await Promise.resolve();
  const saving = target.save(info, client);
  await expect(saving).rejects.toThrow(SaveError);
  await expect(saving).rejects.toThrow(/cannot save large files here \(HTTP 404\)/);
});

test.each([true, false])(
  "one that keeps it from running is told apart, with a way out: %s",
  async (canChoose) => {
    browser.canChoose = canChoose;
    browser.serviceWorker = () => Promise.reject(new BrowserSettingError("Allow cookies for this site"));
    const saving = downloadsTarget(onStarted, browser, computer.clock).save(info, client);
    await expect(saving).rejects.toMatchObject({
      name: "BrowserSettingError",
      message: `Allow cookies for this site${canChoose ? ', or use "choose where"' : ""}`,
    });
  },
);

test.each([
  [0, "BrowserSettingError", /as soon as it began.*extension.*choose where/],
  [2_999, "BrowserSettingError", /as soon as it began/],
  [3_000, "DownloadEndedError", /cancelled there/],
])("a download that is ended %i ms after its start is a %s", async (ms, name, words) => {
  const { saving } = await taken();
  browser.time = ms;
  browser.say({ type: "cancelled" });
  await expect(saving).rejects.toMatchObject({ name, message: expect.stringMatching(words) as string });
});

test("while the browser asks something, the last chunk is held back, for five minutes at most", async () => {
  const { saving } = await taken();
  browser.onDialog(true);
  browser.onDialog(true);
  await vi.waitFor(() => expect(browser.commands.mock.calls).toEqual([["hold"]]));
  browser.onDialog(false);
  await vi.waitFor(() => expect(browser.commands.mock.calls).toEqual([["hold"], ["release"]]));
  browser.onDialog(true);
  computer.run(299_999);
  await messagesCome();
  expect(browser.commands).toHaveBeenCalledTimes(3);
  computer.run(1);
  await vi.waitFor(() => expect(browser.commands).toHaveBeenCalledTimes(4));
  browser.say({ type: "whole" });
  expect(await saving).toBe(false); // handed over, which is not to say saved
});

test("what is discarded is ended as failed, and what the browser leaves is told", async () => {
  vi.stubGlobal("navigator", { userAgent: "Gecko/20100101 Firefox/153.0" });
  const { target } = await taken();
  expect(await target.discard(new CancelledError("stopped"))).toContain(`Delete ${info.fileName}`);
  await vi.waitFor(() => expect(browser.commands).toHaveBeenCalledWith("abort"));
  expect(await target.discard(new DownloadEndedError("in its list"))).toBe("");
  vi.unstubAllGlobals();
});

test("nobody is told to delete a file that the browser never took up", async () => {
  vi.stubGlobal("navigator", { userAgent: "Gecko/20100101 Firefox/153.0" });
  const { target } = await begin();
  expect(await target.discard(new SaveError("did not start"))).toBe("");
  vi.unstubAllGlobals();
});

test("before it has begun there is nothing to discard", async () => {
  expect(
    await downloadsTarget(onStarted, browser, computer.clock).discard(new CancelledError("stopped")),
  ).toBe("");
});

test("the frame stays for the last bytes, and then goes", async () => {
  const { saving } = await begin();
  browser.say({ type: "ready", url: "v3/download/1" });
  await vi.waitFor(() => expect(browser.frames).toHaveLength(1));
  browser.say({ type: "whole" });
  await saving;
  computer.run(9_999);
  expect(browser.frames).toHaveLength(1);
  computer.run(1);
  expect(browser.frames).toHaveLength(0);
});

/** Resolves when a message sent now has come, and what was sent before, and what that leads to has happened. */
async function messagesCome(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const come = new Promise((resolve) => (port2.onmessage = resolve));
  port1.postMessage("now");
  await come;
  port1.close();
  await new Promise((next) => setImmediate(next));
}
