// What a browser that has been taken over would try next, with the rights of the kiosk's session, and once more by way
// of the user's own service manager. Lines for the serial console: INTRUDER, "held" or "WON", and what was tried;
// at last INTRUDER DONE.
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import * as fs from "node:fs";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const PIECE = "/mnt/piece";
const LOG = `${PIECE}/kiosk.log`;
const who = process.argv[2] ?? "session";
const run = promisify(execFile);
const { O_WRONLY, O_RDONLY, O_RDWR, O_NOCTTY, O_NONBLOCK } = fs.constants;

/** @param {string} words */
function say(words) {
  const serial = fs.openSync("/dev/ttyS0", O_WRONLY | O_NOCTTY);
  fs.writeSync(serial, `\nINTRUDER ${words}\n`);
  fs.closeSync(serial);
}

/** @param {string} what @param {() => unknown} act */
async function attempt(what, act) {
  const how = await Promise.resolve()
    .then(act)
    .then(
      () => "WON",
      (error) => `held (${String(error.code ?? error.message).slice(0, 40)})`,
    );
  say(`${who}: ${how}: ${what}`);
}

/** @param {string} path @param {number} flags */
const open = (path, flags) => fs.closeSync(fs.openSync(path, flags | O_NOCTTY | O_NONBLOCK));
/** @param {string} service @param {string} path @param {string} name @param {string[]} args */
const call = (service, path, name, ...args) =>
  run("busctl", ["--timeout=20", "call", service, path, name, ...args]);

/**
 * Resolves when that computer answers, be it that nobody listens there.
 * @param {string} host @param {number} port
 */
const reach = (host, port) =>
  new Promise((done, fail) => {
    const socket = connect({ host, port, timeout: 20_000 });
    socket.once("connect", done);
    socket.once("timeout", () => fail(new Error("no answer")));
    socket.once("error", (error) => (Reflect.get(error, "code") === "ECONNREFUSED" ? done(0) : fail(error)));
  });

/** @param {string} host @param {number} port */
const send = (host, port) =>
  new Promise((done, fail) => {
    const socket = createSocket("udp4");
    socket.once("error", fail);
    socket.send("x", port, host, (error) => {
      socket.close();
      if (error) fail(error);
      else done(0);
    });
  });

/**
 * Ask for it as the settings page does; resolves when root has done it, or said more than why it has not.
 * @param {object} request
 */
const askRoot = (request) =>
  new Promise((done, fail) => {
    const socket = connect("/run/fedac/control.socket");
    socket.once("error", fail);
    socket.once("close", () => fail(new Error("closed")));
    socket.once("data", (bytes) => {
      socket.destroy();
      const { ok, why } = JSON.parse(bytes.toString());
      if (ok === false && typeof why === "string") fail(new Error(why));
      else done(ok);
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });

/** Resolves with what comes from there although nobody holds anything. */
const askHolds = () =>
  new Promise((done, fail) => {
    const socket = connect("/run/fedac/hold.socket");
    socket.once("error", fail);
    socket.once("close", () => fail(new Error("closed")));
    socket.once("data", done);
    setTimeout(() => fail(new Error("nothing")), 20_000);
  });

/** What the sound server has, of that kind. @param {string} kind @param {(props: any) => boolean} isIt */
async function soundObjects(kind, isIt = () => true) {
  const { stdout } = await run("pw-dump", { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout).filter(
    (/** @type {any} */ { type, info }) => type === `PipeWire:Interface:${kind}` && isIt(info.props),
  );
}

/** Have cards show all that they have, once they are there, and record from what there is then. */
async function recordByServer() {
  let cards = [];
  for (let i = 0; cards.length === 0 && i < 60; i++) {
    if (i > 0) await delay(1000);
    cards = await soundObjects("Device", (props) => props["media.class"] === "Audio/Device").catch(() => []);
  }
  if (cards.length === 0) throw new Error("it has no card");
  for (const { id, info } of cards) {
    const profiles = info.params.EnumProfile ?? [];
    const all = profiles.find((/** @type {any} */ { name }) => name === "pro-audio");
    if (all) await run("wpctl", ["set-profile", String(id), String(all.index)]);
  }
  await delay(3000); // it makes them anew
  const sources = await soundObjects("Node", (props) => props["media.class"] === "Audio/Source");
  if (sources.length === 0) throw new Error("it has no source");
  const file = `${process.env["XDG_RUNTIME_DIR"]}/recorded.wav`;
  for (const { info } of sources) {
    const target = String(info.props["object.serial"]);
    await run("pw-record", ["--target", target, file], { timeout: 20_000 }).catch(() => {}); // it ends by that
    if (fs.existsSync(file) && fs.statSync(file).size > 1000) return; // more than a header
  }
  throw new Error("its sources are silent");
}

/** What records, once it is there: sound cards come after the session. */
async function recorders() {
  for (let i = 0; i < 3000; i++) {
    const all = fs.existsSync("/sys/class/sound") ? fs.readdirSync("/sys/class/sound") : [];
    const found = all.filter((name) => /^pcmC\d+D\d+c$/.test(name));
    if (found.length > 0) return found;
    await delay(100);
  }
  throw new Error("there is nothing to record from");
}

/** Open one that has just come, before anything is done about it or while it is: for twenty seconds. @param {string} name */
async function recordFrom(name) {
  let last;
  for (let i = 0; i < 2000; i++) {
    try {
      return open(`/dev/snd/${name}`, O_RDONLY);
    } catch (error) {
      last = error;
    }
    await delay(10);
  }
  throw last;
}

/** What a piece is to be allowed first: nothing is, on the stick that this runs on. */
async function tryWhatIsNotAllowed() {
  await Promise.all(
    (await recorders()).map((name) => attempt(`record from ${name}`, () => recordFrom(name))),
  );
  await attempt("record by the sound server", recordByServer);
  await attempt("play and be played by MIDI", () => open("/dev/snd/seq", O_RDWR));
  await attempt("see", () => open("/dev/video0", O_RDONLY));
  await attempt("reach a computer", () => reach("10.0.2.2", 9));
  await attempt("send a computer something", () => send("10.0.2.2", 9));
  await attempt("send all computers something", () => send("224.0.0.251", 5353));
  await attempt("ask for a name", () => lookup("aesthetic.computer"));
  await attempt("have an address", () => {
    const addresses = Object.values(networkInterfaces()).flat();
    if (addresses.every((address) => address?.internal)) throw new Error("has none");
  });
  await attempt("allow itself more", () =>
    fs.writeFileSync("/run/systemd/generator/kiosk.allow/network", ""),
  );
  await attempt("start networks", () => run("systemctl", ["--no-ask-password", "start", "systemd-networkd"]));
}

/** Everything that is to be tried once. */
async function tryAll() {
  await tryWhatIsNotAllowed();
  for (const path of [
    "/etc/ld.so.preload",
    "/usr/lib/x",
    "/var/x",
    "/run/x",
    "/run/fedac/x",
    "/run/rw/x",
    `${PIECE}/x`,
  ])
    await attempt(`make ${path}`, () => fs.writeFileSync(path, "x"));
  await attempt("look at root's place for logs", () => fs.readdirSync("/run/fedac/log"));
  await attempt("make a set-user-ID file", () => {
    fs.copyFileSync("/usr/bin/true", "/dev/shm/intruder");
    fs.chmodSync("/dev/shm/intruder", 0o4755);
  });
  const inputs = fs.readdirSync("/dev/input").filter((name) => name.startsWith("event"));
  for (const name of inputs)
    await attempt(`read /dev/input/${name}`, () => open(`/dev/input/${name}`, O_RDONLY));
  await attempt("read /dev/ttyS0", () => open("/dev/ttyS0", O_RDONLY));
  for (const name of [
    "sda",
    "sda3",
    "sr0",
    "fb0",
    "fuse",
    "net/tun",
    "kmsg",
    "ttyS1",
    "tty2",
    "rfkill",
    "uinput",
    "vsock",
    "kvm",
  ])
    await attempt(`write /dev/${name}`, () => open(`/dev/${name}`, O_WRONLY));
  await attempt("mount", () => run("mount", ["-t", "tmpfs", "tmpfs", "/mnt"]));
  await attempt("remount the piece", () => run("mount", ["-o", "remount,rw", PIECE]));
  await attempt("see root's processes", () => fs.readdirSync("/proc/1"));
  await attempt("start a service of the system", () => run("systemd-run", ["--no-ask-password", "true"]));
  await attempt("stop one", () => run("systemctl", ["--no-ask-password", "stop", "systemd-networkd"]));
  await attempt("set names' servers", () =>
    call(
      "org.freedesktop.resolve1",
      "/org/freedesktop/resolve1",
      "org.freedesktop.resolve1.Manager",
      "SetLinkDNS",
      "ia(iay)",
      "2",
      "0",
    ),
  );
  await attempt("change networks", () =>
    call("net.connman.iwd", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"),
  );
  for (const request of [
    { ask: "join", ssid: "home", passphrase: "12345678\n[Settings]" },
    { ask: "join", ssid: "../../etc/x", passphrase: "12345678" },
    { ask: "keep", settings: { wifi: [{ ssid: "theirs" }] } },
    { ask: "run", command: "id" },
    { ask: "keep", settings: { keyboard: { layout: "us; exec id" } } },
  ])
    await attempt(`have root ${JSON.stringify(request)}`, () => askRoot(request));
  await attempt("see keys by the way of holds", () => askHolds());
  const status = fs.readFileSync("/proc/self/status", "utf8");
  for (const line of ["NoNewPrivs:\t1", "CapBnd:\t0000000000000000", "Groups:\t1000 "])
    await attempt(`not have ${line.replace("\t", " ")}`, () => {
      if (status.includes(line)) throw new Error("has");
    });
}

/** Try to be there first, while root keeps the log twice. */
async function race() {
  let times = 0;
  let kept = 0;
  let last;
  while (kept < 3) {
    for (let i = 0; i < 200; i++, times++) {
      for (const [what, act] of RACES) {
        try {
          act();
        } catch {
          continue;
        }
        say(`${who}: WON: ${what}`);
      }
    }
    const made = fs.readFileSync(LOG, "latin1"); // the same file each time, with more in it
    if (made !== last) kept++;
    last = made;
    await delay(1); // the rest of the machine has a turn
  }
  say(`${who}: held: ${times} times in the way of the log, which was kept ${kept} times`);
}

/** @type {[string, () => void][]} */
const RACES = [
  ["a link in the log's place", () => fs.symlinkSync("/etc/ld.so.preload", `${PIECE}/kiosk.link`)],
  ["a log of its own", () => fs.writeFileSync(LOG, "mine")],
  ["the piece moved away", () => fs.renameSync(`${PIECE}/piece.html`, `${PIECE}/mine.html`)],
  ["a file of its own", () => fs.writeFileSync(`${PIECE}/mine`, "")],
];

try {
  await tryAll();
  if (who === "session") {
    await run("systemd-run", ["--user", "--quiet", "--wait", "node", import.meta.filename, "manager"]);
    await race();
    say("DONE");
  }
} catch (error) {
  say(`${who}: cannot go on: ${String(error)}`);
}
