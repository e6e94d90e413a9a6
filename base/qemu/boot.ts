import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ARCHES } from "./computers.ts";
import { ACCELERATORS, type Machine, type MachineOptions, MEDIA, withMachine } from "./machine.ts";

/** A machine to start, and what to wait for. */
interface BootOptions extends MachineOptions {
  /** The line of the serial console to wait for; tried on whole lines only. */
  readonly until: RegExp;
  readonly timeoutSeconds: number;
  /** Where to put the screen as it is when the line has come or the time is over: a PNG. */
  readonly screenshot?: string;
  /** How long to wait after the line before the screenshot; not at all unless said otherwise. */
  readonly settleSeconds?: number;
  /** Where to put the screen again and again up to then, as PNGs named after the seconds since power on. */
  readonly film?: { readonly folder: string; readonly everySeconds: number };
}

/** A machine that has said what was waited for. */
interface Booted {
  /** The line that was waited for. */
  readonly line: string;
  /** Everything on the serial console up to then. */
  readonly serial: string;
  /** From power on to the line. */
  readonly seconds: number;
}

/** The line that every image says on the serial console once its screen can be seen: docs/boot-contract.md. */
export const ANSWER = /^(?:NO)?PIECE .*$/m;

/**
 * The line that stays. After a minute the initramfs says `no-disk`, and goes on looking: on a busy machine that emulates another
 * architecture the disk may take longer to answer.
 */
export const LASTING_ANSWER = /^(?:PIECE|NOPIECE (?!no-disk )).*$/m;

/** Whether tests start images in each of the ways that are told apart (`npm run test:boots`), or only in those that differ most. */
export const ALL_WAYS = Boolean(process.env["LARGE"]);

/**
 * Start a disk image in QEMU, as a computer would, and wait for a line on its serial console. QEMU is gone when
 * this returns or throws, and when this process ends in any way. Throws `Error` with the console's last lines when
 * QEMU ends or the time is over before the line comes.
 */
export async function bootImage(options: BootOptions): Promise<Booted> {
  return await withMachine(options, async (machine) => {
    const done = new AbortController();
    const film = options.film ? record(machine, options.film, done.signal) : undefined;
    try {
      const line = await machine.line(options.until, options.timeoutSeconds);
      const { serial, seconds } = machine;
      await delay((options.settleSeconds ?? 0) * 1000);
      return { line, serial, seconds };
    } finally {
      done.abort();
      await film;
      if (options.screenshot !== undefined && machine.running) await machine.screenshot(options.screenshot);
    }
  });
}

async function record(machine: Machine, film: NonNullable<BootOptions["film"]>, signal: AbortSignal) {
  await mkdir(film.folder, { recursive: true });
  while (!signal.aborted) {
    const name = `${machine.seconds.toFixed(1).padStart(6, "0")}.png`;
    await machine.screenshot(join(film.folder, name)).catch(() => {}); // ended meanwhile, which line() tells
    await delay(film.everySeconds * 1000, undefined, { signal }).catch(() => {});
  }
}

const USAGE = `usage: boot.ts IMAGE [--arch ARCH] [--bios | --pi] [--medium usb|usb-card|cdrom|usb-cdrom|sata|nvme|http|pxe|lan] [--secure-boot] [--also IMAGE]...
  [--screenshot FILE] [--film FOLDER] [--memory MIB] [--cores N] [--accel tcg|kvm] [--timeout SECONDS]`;

function parse(args: string[]): BootOptions {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      arch: { type: "string", default: "x86_64" },
      bios: { type: "boolean", default: false },
      pi: { type: "boolean", default: false },
      medium: { type: "string", default: "usb" },
      "secure-boot": { type: "boolean", default: false },
      also: { type: "string", multiple: true, default: [] },
      screenshot: { type: "string" },
      film: { type: "string" },
      memory: { type: "string", default: "768" },
      cores: { type: "string", default: "2" },
      accel: { type: "string", default: "tcg" },
      timeout: { type: "string", default: "300" },
    },
  });
  const [image, ...more] = positionals;
  if (image === undefined || more.length > 0) throw new Error(USAGE);
  return {
    image,
    arch: values.pi ? "aarch64" : oneOf(values.arch, ARCHES),
    firmware: values.pi ? "pi" : values.bios ? "bios" : "uefi",
    medium: oneOf(values.medium, MEDIA),
    secureBoot: values["secure-boot"],
    extraDisks: values.also,
    memory: positiveInteger(values.memory),
    cores: positiveInteger(values.cores),
    accel: oneOf(values.accel, ACCELERATORS),
    until: LASTING_ANSWER,
    timeoutSeconds: positiveInteger(values.timeout),
    ...(values.screenshot === undefined ? {} : { screenshot: values.screenshot }),
    ...(values.film === undefined ? {} : { film: { folder: values.film, everySeconds: 1 } }),
  };
}

/** The word, as one of `of`. Throws `Error` when it is none of them. */
export function oneOf<T extends string>(word: string, of: readonly T[]): T {
  const found = of.find((known) => known === word);
  if (found === undefined) throw new Error(`"${word}" is none of ${of.join(", ")}`);
  return found;
}

/** The word as a whole number from 1 on. Throws `Error` when it is none. */
export function positiveInteger(word: string): number {
  const number = Number(word);
  if (!Number.isInteger(number) || number < 1) throw new Error(`"${word}" is not a number from 1 on`);
  return number;
}

async function main(args: string[]): Promise<void> {
  const { line, seconds } = await bootImage({
    ...parse(args),
    onSerial: (text) => process.stderr.write(text),
  });
  process.stdout.write(`${line}\n${seconds.toFixed(1)} s from power on\n`);
}

if (process.argv[1] === import.meta.filename) {
  await main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`boot: ${error.message}\n`);
    process.exitCode = 1;
  });
}
