// What a browser that has been taken over would try next, with the rights of the kiosk's session, and once more by way
// of the user's own service manager. Lines for the serial console: INTRUDER, "held" or "WON", and what was tried;
// at last INTRUDER DONE.
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const PIECE = "/mnt/piece";
const LOG = `${PIECE}/kiosk.log`;
const who = process.argv[2] ?? "session";
const run = promisify(execFile);
const { O_WRONLY, O_RDONLY, O_NOCTTY, O_NONBLOCK } = fs.constants;

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

/** Everything that is to be tried once. */
async function tryAll() {
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
    const made = fs.statSync(LOG, { throwIfNoEntry: false })?.ino;
    if (made !== last) kept++;
    last = made;
    await delay(1); // the rest of the machine has a turn
  }
  say(`${who}: held: ${times} times in the way of the log, which was kept ${kept} times`);
}

/** @type {[string, () => void][]} */
const RACES = [
  ["a link in the log's place", () => fs.symlinkSync("/etc/ld.so.preload", `${LOG}.new`)],
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
