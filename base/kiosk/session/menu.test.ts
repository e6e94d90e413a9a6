import { createSocket } from "node:dgram";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import type { Page } from "playwright";
import { expect, test } from "vitest";
import type { Allowance } from "../../../src/allowances.ts";
import { splash } from "../../../src/splash/splash.ts";
import { AC_PIECES, acBundle, type StandIn } from "../../../src/testing/ac-bundle.ts";
import { startKioskStick } from "../../../src/testing/kiosk-browser.ts";
import type { Found, Piece } from "./piece.ts";
import { NoPieceError } from "./problem.ts";

// Several pieces in the kiosk's own browser, without a screen.
const MS = 240_000;
const patient = { timeout: 60_000, interval: 50 };
const PAINTS = `<!doctype html><p>here</p>`;
/** An address of this machine that is not for itself alone: WebRTC does not ask others from those. */
const STUN =
  Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === "IPv4" && !each.internal)?.address ?? "127.0.0.1";

async function piece(
  name: string,
  html: string | NoPieceError,
  allow: readonly Allowance[] = [],
): Promise<Piece> {
  return {
    folder: name.replace(/\W+/g, "-").replace(/^-/, ""),
    name,
    allow,
    unknown: [],
    sha256: "",
    html: typeof html === "string" ? Buffer.from(html) : html,
    splash: Buffer.from(await splash(name)),
  };
}

const stick = (pieces: readonly Piece[], start = "menu") => ({ start, pieces }) as unknown as Found;

const at = (page: Page) => new URL(page.url());
/** Wait until the page is at that host, and has painted. */
async function isAt(page: Page, host: string): Promise<void> {
  await expect.poll(() => at(page).hostname, patient).toBe(host);
  await page.waitForLoadState("load");
}
const focused = (page: Page) =>
  page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset.name).catch(() => undefined);

/** Press a key that leads elsewhere: a page that goes may never say that it has taken it. */
function press(page: Page, key: string): void {
  page.keyboard.press(key).catch(() => {});
}

/** Hold a key for as long as it takes. */
async function holdEscape(page: Page): Promise<void> {
  page.keyboard.down("Escape").catch(() => {});
  await isAt(page, "127.0.0.1");
  await page.keyboard.up("Escape");
}

test(
  "pieces are chosen in the menu, are apart from each other, and lead back to it",
  { timeout: MS },
  async () => {
    const counts = `${PAINTS}<script>
    const times = Number(localStorage.getItem("times") ?? 0) + 1;
    localStorage.setItem("times", times);
    document.cookie = "seen=" + times;
    window.dispatchEvent(new CustomEvent("kiosk-open", { detail: "line" })); // from a piece it is nothing
    fetch("/heard?" + location.hostname + " " + times + " " + document.cookie);
  </script>`;
    const pieces = [
      await piece("line", counts),
      await piece("@jeffrey/frog", counts),
      await piece("cow", counts),
    ];
    await using kiosk = await startKioskStick(stick(pieces));
    let lost = "";
    void kiosk.browser.lost.then((how) => (lost = how));
    await kiosk.browser.shown;
    const page = await kiosk.page();
    expect(at(page).hostname).toBe("127.0.0.1");
    const buttons = page.getByRole("list").getByRole("button");
    expect(await buttons.allTextContents()).toEqual(["line", "@jeffrey/frog", "cow"]);
    expect(await page.getByRole("heading").textContent()).toBe("Choose a piece");
    expect(await page.evaluate(() => [...document.images].map((image) => image.naturalWidth))).toEqual([
      1280, 1280, 1280,
    ]);
    expect(await focused(page)).toBe("line");

    await page.keyboard.press("ArrowRight");
    expect(await focused(page)).toBe("@jeffrey/frog");
    await page.keyboard.press("Enter");
    expect(await kiosk.heard()).toBe("127.0.0.3 1 seen=1");
    await page.keyboard.press("Escape"); // a piece that is not AC's keeps it
    await holdEscape(page);
    await expect.poll(() => focused(page), patient).toBe("@jeffrey/frog");

    // Around to the other end, and storage and cookies are the piece's own
    for (const key of ["ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
    expect(await focused(page)).toBe("line");
    press(page, " ");
    expect(await kiosk.heard()).toBe("127.0.0.2 1 seen=1");
    await isAt(page, "127.0.0.2");
    const touch = await page.context().newCDPSession(page);
    const corner = { type: "touchStart" as const, touchPoints: [{ x: 20, y: 20 }] };
    await touch.send("Input.dispatchTouchEvent", corner);
    await isAt(page, "127.0.0.1");

    await page
      .getByRole("button", { name: "frog" })
      .tap()
      .catch(() => page.getByRole("button", { name: "frog" }).click());
    expect(await kiosk.heard()).toBe("127.0.0.3 2 seen=2");
    await isAt(page, "127.0.0.3");
    kiosk.browser.goToMenu();
    await isAt(page, "127.0.0.1");
    // Escape leads back to the piece, once the menu has been there for a moment
    const goBack = async () => {
      await page.keyboard.press("Escape");
      return at(page).hostname;
    };
    await expect.poll(goBack, patient).toBe("127.0.0.3");
    expect(await kiosk.heard()).toBe("127.0.0.3 3 seen=3");
    expect(lost).toBe("");
  },
);

test("AC's keys, a piece that leaves and one that hangs lead to the menu", { timeout: MS }, async () => {
  const hangs = `${PAINTS}<script>addEventListener("load", () => setTimeout(() => { for (;;); }, 3000))</script>`;
  const pieces = [
    await piece("frog", acBundle({ source: AC_PIECES.animates })),
    await piece("toad", acBundle({ source: AC_PIECES.jumpsAway })),
    await piece("newt", hangs),
    await piece("gone", new NoPieceError("piece-sha256")),
  ];
  await using kiosk = await startKioskStick(stick(pieces, "frog"), { timeoutSeconds: 40 });
  let lost = "";
  void kiosk.browser.lost.then((how) => (lost = how));
  await kiosk.browser.shown;
  const page = await kiosk.page();
  expect(at(page).hostname).toBe("127.0.0.2");
  const choose = async (name: string) => {
    await page.getByRole("button", { name }).click();
  };
  for (const key of ["Escape", "`", "Backspace"]) {
    await isAt(page, "127.0.0.2");
    const frames = () =>
      page.evaluate(() => (window as unknown as { standIn?: StandIn }).standIn?.frames ?? 0).catch(() => 0);
    await expect.poll(frames, patient).toBeGreaterThan(0);
    press(page, key);
    await isAt(page, "127.0.0.1");
    if (key !== "Backspace") await choose("frog");
  }
  await choose("toad");
  await page.waitForURL(/127\.0\.0\.3/);
  await isAt(page, "127.0.0.1");

  await page.getByRole("button", { name: "gone" }).press("Enter");
  expect(await page.getByRole("status").textContent()).toMatch(
    /^gone is damaged, and the other pieces are not: piece.html does not match its SHA-256/,
  );
  expect(await page.getByRole("button", { name: "gone" }).getAttribute("aria-disabled")).toBe("true");

  await choose("newt");
  await isAt(page, "127.0.0.4");
  const leave = async () => {
    await kiosk.browser.leave();
    return at(page).hostname;
  };
  await expect.poll(leave, patient).toBe("127.0.0.1");
  expect(lost).toBe("");
});

test("each piece has what it is allowed, and no other's", { timeout: MS }, async () => {
  const other = createServer((_, response) => {
    response.writeHead(200, { "Access-Control-Allow-Origin": "*", "Content-Type": "text/html" }).end("!");
  });
  await new Promise<void>((listening) => other.listen(0, "127.0.0.99", listening));
  const { port } = other.address() as AddressInfo;
  let connections = 0;
  other.on("connection", () => connections++);
  const stun = createSocket("udp4");
  await new Promise<void>((bound) => stun.bind(port, "0.0.0.0", bound));
  let datagrams = 0;
  stun.on("message", () => datagrams++);
  const tries = `${PAINTS}<script type="module">
    const works = (promise) => promise.then(() => "yes", () => "no");
    const loads = (element, src) => works(new Promise((done, fail) => {
      element.onload = done; element.onerror = fail; element.src = src; document.body.append(element);
    }));
    const url = "http://127.0.0.99:${port}/";
    const answers = {
      camera: await works(navigator.mediaDevices.getUserMedia({ video: true })),
      fetch: await works(fetch(url)),
      script: await loads(document.createElement("script"), url),
      beacon: navigator.sendBeacon(url) && "sent",
      socket: await works(new Promise((done, fail) => {
        try { const socket = new WebSocket("ws://127.0.0.99:${port}/"); socket.onopen = done; socket.onerror = () => fail(); }
        catch { fail(); }
      })),
      sibling: await works(fetch("http://" + (location.hostname === "127.0.0.2" ? "127.0.0.3" : "127.0.0.2") + ":" + location.port + "/piece.html", { mode: "no-cors" })),
      worker: await works(new Promise((done, fail) => {
        const source = "fetch('" + url + "').then(() => postMessage(1), () => postMessage(0))";
        const worker = new Worker(URL.createObjectURL(new Blob([source])));
        worker.onmessage = ({ data }) => data ? done() : fail();
        worker.onerror = fail;
      })),
      code: await works(new Promise((done) => done(new Function("return 1")()))),
      rtc: await works((async () => {
        const frame = document.createElement("iframe");
        document.body.append(frame);
        for (const Connection of [window.RTCPeerConnection, frame.contentWindow.RTCPeerConnection]) {
          if (!Connection) continue;
          const connection = new Connection({ iceServers: [{ urls: "stun:${STUN}:${port}" }] });
          connection.createDataChannel("x");
          await connection.setLocalDescription(await connection.createOffer());
          await new Promise((done) => { connection.onicecandidate = ({ candidate }) => candidate ?? done(); setTimeout(done, 3000); });
        }
      })()),
    };
    fetch("/heard?" + JSON.stringify(answers));
  </script>`;
  const pieces = [await piece("sees", tries, ["camera"]), await piece("reaches", tries, ["network"])];
  const flags = ["--use-fake-device-for-media-stream"];
  try {
    await using kiosk = await startKioskStick(stick(pieces), { flags });
    await kiosk.browser.shown;
    const page = await kiosk.page();
    await page.getByRole("button", { name: "sees" }).click();
    const sees = JSON.parse(await kiosk.heard()) as Record<string, string>;
    expect(sees).toMatchObject({
      camera: "yes",
      fetch: "no",
      script: "no",
      socket: "no",
      worker: "no",
      sibling: "no",
    });
    expect(sees).toMatchObject({ code: "yes" });
    expect([connections, datagrams]).toEqual([0, 0]);
    kiosk.browser.goToMenu();
    await isAt(page, "127.0.0.1");
    await page.getByRole("button", { name: "reaches" }).click();
    const reaches = JSON.parse(await kiosk.heard()) as Record<string, string>;
    expect(reaches).toMatchObject({ camera: "no", fetch: "yes", worker: "yes", sibling: "no", code: "yes" });
    expect(connections).toBeGreaterThan(0);
    expect(datagrams).toBeGreaterThan(0); // else it says nothing that there were none before
  } finally {
    stun.close();
    other.close();
  }
});
