import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Allowance } from "../../../src/allowances.ts";
import { startKioskBrowser } from "../../../src/testing/kiosk-browser.ts";
import { soundFlags } from "./browser.ts";

// A real Chromium without a screen, which starts in seconds on an idle machine and in a minute on a busy one.
const MS = 240_000;

const PAINTS = `<!doctype html><canvas></canvas><script>
  const drawing = document.querySelector("canvas").getContext("2d");
  drawing.fillStyle = "hotpink";
  drawing.fillRect(0, 0, 99, 99);
</script>`;

test("a page that paints is reported, and so is the end of its browser", { timeout: MS }, async () => {
  await using kiosk = await startKioskBrowser(PAINTS);
  const { browser } = kiosk;
  await browser.shown;
  await browser.stop();
  expect(await browser.lost).toMatch(/^the (?:browser ended|page has gone)/); // whichever is noticed first
});

test("a browser that is killed leaves no helpers behind once it is stopped", { timeout: MS }, async () => {
  await using kiosk = await startKioskBrowser(PAINTS);
  const { browser } = kiosk;
  await browser.shown;
  const leader = Number(readlinkSync(join(kiosk.profile, "SingletonLock")).split("-").at(-1)); // host-process
  const helpers = inGroup(leader).filter((pid) => pid !== leader);
  expect(helpers.length).toBeGreaterThan(2);
  for (const helper of helpers) process.kill(helper, "SIGSTOP"); // so that none ends by itself
  process.kill(leader, "SIGKILL");
  await browser.stop();
  await expect.poll(() => inGroup(leader), { timeout: 5000 }).toEqual([]);
});

test("no process for pages starts beside the piece's", { timeout: MS }, async () => {
  await using kiosk = await startKioskBrowser(PAINTS);
  await kiosk.browser.shown;
  const leader = Number(readlinkSync(join(kiosk.profile, "SingletonLock")).split("-").at(-1));
  const renderers = () => inGroup(leader).filter((pid) => commandOf(pid).includes("--type=renderer"));
  await expect.poll(() => renderers().length, { timeout: 5000 }).toBe(1); // that of the empty page ends
});

test(
  "a page that only has a colour is reported too, some time after it has loaded",
  { timeout: MS },
  async () => {
    await using kiosk = await startKioskBrowser(`<!doctype html><body style="background: teal">`);
    await kiosk.browser.shown;
  },
);

test("a page that does not get as far as that is given up", { timeout: MS }, async () => {
  await using kiosk = await startKioskBrowser(`<!doctype html><script>for (;;);</script>`, {
    timeoutSeconds: 15,
  });
  await expect(kiosk.browser.shown).rejects.toThrow("the page has not painted within 15 s");
});

test("a page that no longer answers is lost", { timeout: MS }, async () => {
  const hangs = `${PAINTS}<script>setTimeout(() => { for (;;); }, 5000)</script>`;
  await using kiosk = await startKioskBrowser(hangs, { timeoutSeconds: 20 });
  await kiosk.browser.shown;
  expect(await kiosk.browser.lost).toBe("the page has not answered within 20 s");
});

test("a page that goes elsewhere is lost, and dialogs keep nobody waiting", { timeout: MS }, async () => {
  await using kiosk = await startKioskBrowser(`${PAINTS}<script>
    alert("?");
    confirm("?");
    setTimeout(() => location.assign("http://localhost:" + location.port), 3000);
  </script>`);
  await kiosk.browser.shown;
  expect(await kiosk.browser.lost).toBe("the page has gone elsewhere");
});

/** Says in ones and zeros which events are kept from the browser, once a window that it opens has been closed. */
const TRIES_KEYS = `<script>
  const taken = [];
  for (const [type, init] of [
    ["keydown", { key: "f", ctrlKey: true }], ["keydown", { key: "F12" }], ["keydown", { key: "p", metaKey: true }],
    ["keydown", { key: "ArrowLeft", altKey: true }], ["keydown", { key: "c", ctrlKey: true }],
    ["keydown", { key: "F5" }], ["keydown", { key: "q" }], ["contextmenu", {}], ["drop", {}],
  ]) {
    const Kind = type === "keydown" ? KeyboardEvent : MouseEvent;
    const event = new Kind(type, { ...init, bubbles: true, cancelable: true });
    document.dispatchEvent(event);
    taken.push(event.defaultPrevented ? 1 : 0);
  }
  const other = open("/piece.html?other", "", "popup");
  const wait = setInterval(() => {
    if (other && !other.closed) return;
    clearInterval(wait);
    fetch("/heard?" + taken.join(""));
  }, 100);
</script>`;

test(
  "the browser's keys and menus are not for the browser, and windows do not stay",
  { timeout: MS },
  async () => {
    await using kiosk = await startKioskBrowser(`${PAINTS}${TRIES_KEYS}`);
    await kiosk.browser.shown;
    expect(await kiosk.heard()).toBe("111100011");
  },
);

test("nor when the page has written itself anew", { timeout: MS }, async () => {
  // As the packed bundles do: what has to run when it is there is a module
  const page = JSON.stringify(`${PAINTS}<script type="module">${inner(TRIES_KEYS)}</script>`);
  const writes = `document.open(); document.write(${page.replaceAll("</", "<\\/")}); document.close();`;
  await using kiosk = await startKioskBrowser(
    `${PAINTS}<script>setTimeout(() => { ${writes} }, 500)</script>`,
  );
  await kiosk.browser.shown;
  expect(await kiosk.heard()).toBe("111100011");
});

/** A script without its tags. */
function inner(script: string): string {
  return script.replace(/<\/?script>/g, "");
}

/** Asks for all that could reach out, in the page and in frames of every kind, and says what came of it. */
const ASKS = `${PAINTS}<script>
const inner = () => {
  const within = (promise) => Promise.race([promise, new Promise((done) => setTimeout(done, 20000, "standing"))]);
  // Once it is allowed, a machine without a sequencer says so
  const midi = (options) => navigator.requestMIDIAccess(options).catch((error) => {
    if (error.name !== "NotSupportedError" && error.name !== "InvalidStateError") throw error;
  });
  const asks = {
    camera: () => navigator.mediaDevices.getUserMedia({ video: true }),
    microphone: () => navigator.mediaDevices.getUserMedia({ audio: true }),
    midi: () => midi(),
    sysex: () => midi({ sysex: true }),
    clipboard: () => navigator.clipboard.readText(),
    position: () => new Promise((done, fail) => navigator.geolocation.getCurrentPosition(done, fail)),
  };
  const answers = Object.entries(asks).map(async ([name, ask]) => {
    const answer = await within(Promise.resolve().then(ask)).then((how) => how === "standing" ? how : "granted", () => "no");
    return answer === "no" ? [] : [name + " " + answer];
  });
  Promise.all(answers).then((all) => top.postMessage(all.flat(), "*"));
};
const words = "<script>(" + inner + ")()<\\/script>";
const frames = {
  data: (frame) => frame.src = "data:text/html," + encodeURIComponent(words),
  blob: (frame) => frame.src = URL.createObjectURL(new Blob([words], { type: "text/html" })),
  sandbox: (frame) => { frame.sandbox = "allow-scripts"; frame.srcdoc = words; },
  srcdoc: (frame) => frame.srcdoc = words,
};
const names = new Map([[window, "page"]]);
const said = [];
addEventListener("message", ({ source, data }) => {
  said.push(...data.map((answer) => names.get(source) + ": " + answer));
  names.delete(source);
  if (names.size === 0) fetch("/heard?" + said.sort().join(", "));
});
for (const [name, fill] of Object.entries(frames)) {
  const frame = document.createElement("iframe");
  frame.allow = "camera *; microphone *; midi *; clipboard-read *; geolocation *";
  fill(frame);
  document.documentElement.append(frame);
  names.set(frame.contentWindow, name);
}
inner();
</script>`;

test.each<[Allowance[], string[]]>([
  [[], []],
  [["microphone"], ["microphone"]],
  [["camera"], ["camera"]],
  [["midi"], ["midi"]],
  [["sysex"], ["midi", "sysex"]],
  [
    ["camera", "microphone", "midi", "network", "sysex"],
    ["camera", "microphone", "midi", "sysex"],
  ],
])(
  "a piece that is allowed %j is granted %j, and all else is refused",
  { timeout: MS },
  async (allow, granted) => {
    const flags = ["--use-fake-device-for-media-stream"];
    await using kiosk = await startKioskBrowser(ASKS, { allow, flags });
    await kiosk.browser.shown;
    // Frames of the page's own origin as the page itself, and MIDI also those that it gives it to; of others, none
    const frames = granted.flatMap((what) => {
      const isMidi = what === "midi" || what === "sysex";
      return ["blob", "page", "srcdoc", ...(isMidi ? ["sandbox"] : [])].map(
        (name) => `${name}: ${what} granted`,
      );
    });
    expect((await kiosk.heard()).split(", ").filter(Boolean)).toEqual(frames.sort());
  },
);

test("what has become of a page is said in words", { timeout: MS }, async () => {
  await using kiosk = await startKioskBrowser("<!doctype html>here");
  await kiosk.browser.shown;
  const page = await kiosk.page();
  const inspector = await page.context().newCDPSession(page);
  inspector.send("Page.crash").catch(() => {}); // there is nobody to answer
  expect(await kiosk.browser.lost).toMatch(/^the page has crashed \(crashed, \d+\)$/);
});

test("a machine with few processors plays later, not torn", () => {
  expect([1, 2, 3].flatMap((processors) => soundFlags(processors))).toEqual([]);
  expect([4, 16].flatMap((processors) => soundFlags(processors))).toEqual(
    Array(2).fill("--audio-buffer-size=256"),
  );
});

/** The processes of a group that are not zombies: `ps` knows. */
/** The command line of a process, "" of one that has ended. Chromium writes its helpers' anew, without NULs. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function inGroup(group: number): number[] {
  const lines = execFileSync("ps", ["-e", "-o", "pid=,pgid=,stat="], { encoding: "utf8" }).trim().split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, pgid, state]) => Number(pgid) === group && !state?.startsWith("Z"))
    .map(([pid]) => Number(pid));
}
