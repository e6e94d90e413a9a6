// What settings.json has come to on the machine, as root and as the session see it. Lines for the serial console: WITNESS,
// who, and what; at last "WITNESS root: done" and "WITNESS session: done".
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const who = process.argv[2] ?? "";
const run = promisify(execFile);
const NETWORKS = "/var/lib/iwd";
/** The network that is joined, of two radios that the kernel makes up; both from e2e/kiosk.spec.ts. */
const [SSID, PASSPHRASE] = ["os test", "correct horse"];

/** @param {string} words */
function say(words) {
  const serial = fs.openSync("/dev/ttyS0", fs.constants.O_WRONLY | fs.constants.O_NOCTTY);
  fs.writeSync(serial, `\nWITNESS ${who}: ${words}\n`);
  fs.closeSync(serial);
}

/**
 * What a program says once that has `pattern` in it.
 * @param {RegExp} pattern @param {string} program @param {string[]} args
 */
async function until(pattern, program, ...args) {
  for (let last = ""; ; await delay(1000)) {
    const said = await run(program, args).then(
      ({ stdout }) => stdout,
      (error) => String(error.stderr ?? error),
    );
    if (pattern.test(said)) return said;
    if (said !== last) say(`waits: ${JSON.stringify(said.slice(-300))}`);
    last = said;
  }
}

/** @param {string} path */
function read(path) {
  try {
    return fs.statSync(path).isDirectory() ? fs.readdirSync(path).join(" ") : fs.readFileSync(path, "utf8");
  } catch (error) {
    return `held (${Reflect.get(/** @type {object} */ (error), "code")})`;
  }
}

/** @param {string} path */
const mode = (path) => (fs.statSync(path).mode & 0o777).toString(8);

async function asRoot() {
  for (const name of fs.readdirSync(NETWORKS).sort()) say(`network ${name} ${mode(`${NETWORKS}/${name}`)}`);
  say(`country ${/^Country=(.*)$/m.exec(read("/etc/iwd/main.conf"))?.[1]}`);
  await run("modprobe", ["mac80211_hwsim", "radios=2"]);
  await run("modprobe", ["snd_aloop"]); // a sound card that plays and records, and comes late
  await until(/wlan1/, "iwctl", "device", "list");
  await run("iwctl", ["device", "wlan1", "set-property", "Mode", "ap"]);
  await until(/^$/, "iwctl", "ap", "wlan1", "start", SSID, PASSPHRASE);
  await until(/State +connected/, "iwctl", "station", "wlan0", "show");
  say("joined");
  const { stdout: journal } = await run("journalctl", ["--boot", "--no-pager"], { maxBuffer: 2 ** 26 });
  say(`settings.json in the journal: ${journal.match(/settings\.json: .*/g)?.join(" | ")}`);
  say(`passphrases in the journal: ${journal.split(PASSPHRASE).length - 1}`);
}

async function asSession() {
  for (const path of ["/mnt/piece/settings.json", NETWORKS]) {
    say(`${path}: ${read(path)}, mode ${mode(path)}`); // 0: systemd has put something in its place
  }
  say(`os.json: ${read("/mnt/piece/os.json").startsWith("{")}`);
  const sink = await until(/node.name = "alsa_output.usb/, "wpctl", "inspect", "@DEFAULT_AUDIO_SINK@");
  say(`sink ${/node.name = "([a-z_]+\.[a-z]+)/.exec(sink)?.[1]}`);
  // Where it may not listen, cards that can record are heard as well
  for (const card of ["pci", "platform-snd_aloop"]) {
    await until(new RegExp(`alsa_output\\.${card}\\b`), "wpctl", "status", "--name");
    say(`has ${card}`);
  }
  say((await until(/^Volume: /, "wpctl", "get-volume", "@DEFAULT_AUDIO_SINK@")).trim());
}

try {
  await (who === "root" ? asRoot() : asSession());
  say("done");
} catch (error) {
  say(`cannot go on: ${String(error)}`);
}
