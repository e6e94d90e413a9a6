import { spawn } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface BootOptions {
  /** The disk image, on a USB stick; it is not changed. */
  readonly image: string;
  /** The line of the serial console to wait for; tried on whole lines only. */
  readonly until: RegExp;
  readonly timeoutSeconds: number;
  /** Where to put the screen as it is when the line has come or the time is over: a PNG, or with `.ppm` a PPM. */
  readonly screenshot?: string;
  /** Images on further USB sticks, which the firmware is not told to start from; not changed either. */
  readonly extraDisks?: readonly string[];
  /** Firmware that starts only what Microsoft's keys have signed. */
  readonly secureBoot?: boolean;
  /** Called for serial output as it comes. */
  readonly onSerial?: (text: string) => unknown;
}

export interface Booted {
  /** The line that was waited for. */
  readonly line: string;
  /** Everything on the serial console up to then. */
  readonly serial: string;
  /** From power on to the line. */
  readonly seconds: number;
}

/** What Debian's and Ubuntu's package ovmf installs. */
const FIRMWARE = "/usr/share/OVMF";

/**
 * Start a disk image in QEMU, as a computer with UEFI and a USB stick would, and wait for a line on its
 * serial console. QEMU is gone when this returns or throws, and when this process ends in any way. Throws
 * `Error` with the console's last lines when QEMU ends or the time is over before the line comes.
 */
export async function bootImage(options: BootOptions): Promise<Booted> {
  const folder = await mkdtemp(join(tmpdir(), "boot-"));
  try {
    return await run(options, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function run(options: BootOptions, folder: string): Promise<Booted> {
  const monitor = join(folder, "monitor");
  const args = await machine(options, folder, monitor);
  const started = performance.now();
  // Not even SIGKILL to us leaves a QEMU behind: the kernel passes it on
  const qemu = spawn("setpriv", ["--pdeathsig", "KILL", "--", "qemu-system-x86_64", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<string>((end) => {
    qemu.once("error", (error) => end(`QEMU did not start (apt install qemu-system-x86): ${error.message}`));
    qemu.once("close", (code, signal) => end(`QEMU ended with ${signal ?? `exit code ${code}`}`));
  });
  let serial = "";
  let complaints = "";
  qemu.stderr.on("data", (bytes: Buffer) => (complaints += bytes.toString()));
  const found = new Promise<Booted>((done) => {
    qemu.stdout.on("data", (bytes: Buffer) => {
      const text = bytes.toString("latin1");
      serial += text;
      options.onSerial?.(text);
      const line = options.until.exec(serial.slice(0, serial.lastIndexOf("\n") + 1))?.[0];
      if (line !== undefined) done({ line, serial, seconds: (performance.now() - started) / 1000 });
    });
  });
  const over = new AbortController();
  const late = delay(options.timeoutSeconds * 1000, undefined, { signal: over.signal }).then(
    () => `nothing like ${options.until} on the serial console within ${options.timeoutSeconds} s`,
    () => "",
  );
  try {
    const outcome = await Promise.race([found, ended, late]);
    const runs = qemu.exitCode === null && qemu.signalCode === null;
    if (options.screenshot && runs) await screendump(monitor, resolve(options.screenshot));
    if (typeof outcome !== "string") return outcome;
    const lines = serial
      .replace(CONTROLS, "")
      .trimEnd()
      .split(/[\r\n]+/);
    throw new Error([outcome, complaints.trim(), ...lines.slice(-15)].filter(Boolean).join("\n  "));
  } finally {
    over.abort();
    qemu.kill("SIGKILL");
    await ended;
  }
}

/** What firmware and boot loader send to place their text on a terminal. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /\x1b\[[0-9;?=]*[a-zA-Z]|[\x00-\x08\x0b-\x1f]/g;

async function machine(options: BootOptions, folder: string, monitor: string): Promise<string[]> {
  const keys = options.secureBoot ? ".ms" : "";
  const variables = join(folder, "variables.fd"); // the firmware writes to it
  await copyFile(`${FIRMWARE}/OVMF_VARS_4M${keys}.fd`, variables).catch((error: Error) => {
    throw new Error(`no UEFI firmware for QEMU (apt install ovmf): ${error.message}`);
  });
  // The one to start from comes last, so that being first is not what finds it
  const sticks = [...(options.extraDisks ?? []), options.image].map((image, i, { length }) => [
    ["-drive", `if=none,id=stick${i},format=raw,snapshot=on,file=${resolve(image).replaceAll(",", ",,")}`],
    ["-device", `usb-storage,bus=usb.0,drive=stick${i}${i === length - 1 ? ",bootindex=0" : ""}`],
  ]);
  const secure = options.secureBoot ? "on" : "off";
  return [
    // Emulated, not KVM: where KVM is offered it need not work, and a test should mean the same everywhere
    ["-nodefaults", "-no-user-config", "-no-reboot"],
    ["-machine", `q35,smm=${secure}`, "-global", `driver=cfi.pflash01,property=secure,value=${secure}`],
    ["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "768"],
    ["-drive", `if=pflash,unit=0,format=raw,readonly=on,file=${FIRMWARE}/OVMF_CODE_4M${keys}.fd`],
    ["-drive", `if=pflash,unit=1,format=raw,file=${variables}`],
    ["-display", "none", "-vga", "std", "-serial", "stdio", "-qmp", `unix:${monitor},server=on,wait=off`],
    ["-device", "qemu-xhci,id=usb,p2=8,p3=8", "-device", "usb-kbd,bus=usb.0"],
    ...sticks.flat(),
  ].flat();
}

/** Ask QEMU for a picture of the screen (QMP reference, `screendump`; PNG since QEMU 7.1). */
async function screendump(monitor: string, filename: string): Promise<void> {
  const socket = createConnection(monitor);
  try {
    await answers(socket, [
      { execute: "qmp_capabilities" },
      { execute: "screendump", arguments: { filename, format: filename.endsWith(".ppm") ? "ppm" : "png" } },
    ]);
  } finally {
    socket.destroy();
  }
}

async function answers(socket: Socket, commands: readonly object[]): Promise<void> {
  const waiting = [...commands];
  let text = "";
  for await (const chunk of socket) {
    const lines = (text += String(chunk)).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const message: { error?: { desc: string }; event?: string } = JSON.parse(line);
      if (message.error) throw new Error(`QEMU: ${message.error.desc}`);
      if (message.event) continue;
      const next = waiting.shift(); // the greeting, or the answer to the last command
      if (!next) return;
      socket.write(JSON.stringify(next));
    }
  }
  throw new Error("QEMU closed its monitor");
}

const USAGE =
  "usage: boot.ts IMAGE [--screenshot FILE] [--also IMAGE]... [--secure-boot] [--timeout SECONDS]";

function fail(): never {
  throw new Error(USAGE);
}

function parse(args: string[]): BootOptions {
  const rest = [...args];
  let image: string | undefined;
  let screenshot: string | undefined;
  let timeoutSeconds = 300;
  const extraDisks: string[] = [];
  const secureBoot = rest.includes("--secure-boot");
  const value = () => rest.shift() ?? fail();
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--secure-boot") continue;
    if (word === "--screenshot") screenshot = value();
    else if (word === "--also") extraDisks.push(value());
    else if (word === "--timeout") timeoutSeconds = Number(value()) || fail();
    else if (image === undefined && !word.startsWith("-")) image = word;
    else fail();
  }
  const until = /^(?:NO)?PIECE .*$/m;
  const shot = screenshot === undefined ? {} : { screenshot };
  return { image: image ?? fail(), until, timeoutSeconds, extraDisks, secureBoot, ...shot };
}

async function main(args: string[]): Promise<void> {
  const { line, seconds } = await bootImage({
    ...parse(args),
    onSerial: (text) => process.stderr.write(text),
  });
  process.stdout.write(`${line}\n${seconds.toFixed(1)} s from power on\n`);
}

if (basename(process.argv[1] ?? "") === "boot.ts") {
  await main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`boot: ${error.message}\n`);
    process.exitCode = 1;
  });
}
