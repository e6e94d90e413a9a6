import { spawn } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { COMPUTERS, type Arch, type Computer } from "./computers.ts";
import { raspberryPi } from "./raspberry-pi.ts";
import { Qmp } from "./qmp.ts";
import { networkCard, type Served, serveToMachine } from "./served.ts";
import { withBootUri } from "./uefi-variables.ts";

/** What starts the machine: `pi` stands in for the firmware of a Raspberry Pi, which no emulator runs. */
export type Firmware = "uefi" | "bios" | "pi";

/**
 * What the image can be on: a USB stick, a card in a USB reader, a disc (in a SATA or a USB drive), a built-in disk, a card in a
 * Raspberry Pi, or another
 * computer that serves it: to UEFI HTTP boot, or by PXE, or whatever there is in the network of the tap device `os0`
 * (classroom.sh).
 */
export const MEDIA = [
  "usb",
  "usb-card",
  "cdrom",
  "usb-cdrom",
  "sata",
  "nvme",
  "sd",
  "http",
  "pxe",
  "lan",
] as const;
/** One of `MEDIA`. */
export type Medium = (typeof MEDIA)[number];

/** What runs the machine's instructions: QEMU itself, or the processor. */
export const ACCELERATORS = ["tcg", "kvm"] as const;

/** A computer to emulate. */
export interface MachineOptions {
  /** The disk image; it is not changed unless `writes`. */
  readonly image: string;
  /** `x86_64` unless said otherwise. */
  readonly arch?: Arch;
  /** Whether what the machine writes to the disk stays in the image. */
  readonly writes?: boolean;
  /** With `writes`, a file, large enough, for a log of all that the machine writes to the disk: `readWriteLog`. */
  readonly writeLog?: string;
  /** UEFI unless said otherwise. */
  readonly firmware?: Firmware;
  /** A USB stick unless said otherwise. */
  readonly medium?: Medium;
  /** UEFI firmware that starts only what Microsoft's keys have signed. */
  readonly secureBoot?: boolean;
  /** Bytes in a sector of what it starts from; 512 unless said otherwise, and 2,048 on discs. */
  readonly sectorSize?: 512 | 4096;
  /** Start this kernel, as a boot loader would that QEMU need not emulate; by default what the firmware finds is started. */
  readonly kernel?: { readonly file: string; readonly initrd: string; readonly args: string };
  /** Further arguments of QEMU's. */
  readonly args?: readonly string[];
  /** Images on further USB sticks, which the firmware is not told to start from; not changed either. */
  readonly extraDisks?: readonly string[];
  /** In MiB; 768 unless said otherwise. */
  readonly memory?: number;
  /** Processor cores; 2 unless said otherwise. */
  readonly cores?: number;
  /** Emulated unless said otherwise: where KVM is offered it need not work, and a test should mean the same everywhere. */
  readonly accel?: (typeof ACCELERATORS)[number];
  /** With a cable to a network of QEMU's own, which has a DHCP server, names, and this computer at 10.0.2.2. */
  readonly network?: boolean;
  /** With loudspeakers on USB, beside the built-in ones. */
  readonly usbSound?: boolean;
  /**
   * A PC with a graphics card that draws: what it draws, this computer does, on that display of X's (QEMU's package
   * qemu-system-gui). There is no `screenshot` then.
   */
  readonly display?: string;
  /** Called for serial output as it comes. */
  readonly onSerial?: (text: string) => unknown;
}

/** The name by which QEMU knows what the machine starts from. */
const MEDIUM = "medium";
/** And what is in that. */
const DRIVE = "boot";

/**
 * Run `use` with a computer in QEMU that has just been switched on. QEMU is gone when this returns or throws, and
 * when this process ends in any way.
 */
export async function withMachine<T>(
  options: MachineOptions,
  use: (machine: Machine) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "boot-"));
  let served: Served | undefined;
  try {
    if (options.medium === "http" || options.medium === "pxe") {
      if (options.firmware === "bios") throw new Error("a BIOS does not start the image over a network");
      served = await serveToMachine(options.image, options.medium, folder);
    }
    const args = await commandLine(options, folder, served);
    const machine = new Machine(options, args, folder);
    try {
      return await use(machine);
    } finally {
      await machine.kill();
    }
  } finally {
    await served?.close();
    await rm(folder, { recursive: true });
  }
}

/** A computer that is running, controlled through QEMU's monitor. */
export class Machine {
  /** All that has come on the serial console. */
  serial = "";
  /** Resolves, with the reason, when QEMU has ended: also when the machine has switched itself off or started again. */
  readonly ended: Promise<string>;
  readonly #qemu;
  readonly #gone = new AbortController();
  readonly #startedAt = performance.now();
  readonly #listeners = new Set<() => void>();
  #monitor: Promise<Qmp> | undefined;
  #stderr = "";
  readonly #folder: string;

  constructor(
    { arch = "x86_64", display, onSerial }: Pick<MachineOptions, "arch" | "display" | "onSerial">,
    args: readonly string[],
    folder: string,
  ) {
    this.#folder = folder;
    // The kernel ends QEMU when this process ends, also by SIGKILL
    this.#qemu = spawn("setpriv", ["--pdeathsig", "KILL", "--", `qemu-system-${arch}`, ...args], {
      env: { ...process.env, ...(display !== undefined && { DISPLAY: display }) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#qemu.stderr.on("data", (bytes: Buffer) => (this.#stderr += bytes.toString()));
    this.#qemu.stdout.on("data", (bytes: Buffer) => {
      const text = bytes.toString("latin1");
      this.serial += text;
      onSerial?.(text);
      for (const listener of this.#listeners) listener();
    });
    this.ended = new Promise<string>((end) => {
      const gone = (why: string) => {
        this.#gone.abort(new Error(why));
        end(why);
      };
      this.#qemu.once("error", ({ message }) =>
        gone(`QEMU did not start (apt install ${COMPUTERS[arch].package}): ${message}`),
      );
      this.#qemu.once("close", (code, signal) => gone(`QEMU ended with ${signal ?? `exit code ${code}`}`));
    });
  }

  /** Seconds since power on. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** QEMU's process. Throws `Error` when it has not started. */
  get processId(): number {
    if (this.#qemu.pid === undefined) throw new Error("QEMU has not started");
    return this.#qemu.pid;
  }

  /** Whether QEMU is still there. */
  get running(): boolean {
    return this.#qemu.exitCode === null && this.#qemu.signalCode === null;
  }

  /**
   * What `pattern` finds on the serial console, on whole lines only, now or later. Throws `Error` with the
   * console's last lines when QEMU ends, or `timeoutSeconds` are over.
   */
  async line(pattern: RegExp, timeoutSeconds: number): Promise<string> {
    const over = new AbortController();
    const late = delay(timeoutSeconds * 1000, undefined, { signal: over.signal }).then(
      () => `nothing like ${pattern} on the serial console within ${timeoutSeconds} s`,
      () => "",
    );
    let look = () => {};
    const found = new Promise<{ line: string }>((done) => {
      look = () => {
        const line = pattern.exec(this.serial.slice(0, this.serial.lastIndexOf("\n") + 1))?.[0];
        if (line !== undefined) done({ line });
      };
      this.#listeners.add(look);
      look();
    });
    try {
      const outcome = await Promise.race([found, this.ended, late]);
      if (typeof outcome !== "string") return outcome.line;
      throw this.#failure(outcome);
    } finally {
      over.abort();
      this.#listeners.delete(look);
    }
  }

  /** Put the screen as it is into `file`, a PNG (`screendump` makes them since QEMU 7.1). Throws `Error`, as `ask` does. */
  async screenshot(file: string): Promise<void> {
    await this.ask("screendump", { filename: resolve(file), format: "png" });
  }

  /** Press keys together and let go: names of QEMU's QKeyCode, as in `keys("ctrl", "alt", "delete")`. */
  async keys(...names: readonly string[]): Promise<void> {
    await this.ask("send-key", { keys: names.map((data) => ({ type: "qcode", data })) });
  }

  /** Press a key, a name of QEMU's QKeyCode, and let it go so much later. */
  async holdKey(name: string, milliseconds: number): Promise<void> {
    const send = async (down: boolean) => {
      const key = { type: "qcode", data: name };
      await this.ask("input-send-event", { events: [{ type: "key", data: { down, key } }] });
    };
    await send(true);
    await delay(milliseconds);
    await send(false);
  }

  /** Press the power button; `ended` says when the machine is off. */
  async powerButton(): Promise<void> {
    await this.ask("system_powerdown");
  }

  /** Pull the stick out, or the disk, while the machine runs. */
  async unplug(): Promise<void> {
    await this.ask("device_del", { id: MEDIUM });
  }

  /** Take out the disc, or the card: the drive, or the reader, stays. */
  async eject(): Promise<void> {
    await this.ask("eject", { device: DRIVE, force: true });
  }

  /** Put an image into the drive, or the reader, that it started from. What is written there stays in the image. */
  async insert(image: string): Promise<void> {
    await this.ask("blockdev-change-medium", { device: DRIVE, filename: resolve(image), format: "raw" });
  }

  /** Plug in a USB stick with an image. It is not changed. */
  async plugIn(image: string, sectorSize: NonNullable<MachineOptions["sectorSize"]> = 512): Promise<void> {
    const file = { driver: "file", filename: resolve(image), "read-only": true };
    await this.ask("blockdev-add", { driver: "raw", "node-name": "plugged", "read-only": true, file });
    const sectors = { logical_block_size: sectorSize, physical_block_size: sectorSize };
    await this.ask("device_add", { driver: "usb-storage", bus: "usb.0", drive: "plugged", ...sectors });
  }

  /** Any command of QEMU's monitor, and its answer. Throws `Error` when QEMU refuses or is gone. */
  async ask(command: string, args: object = {}): Promise<unknown> {
    this.#monitor ??= Qmp.connect(join(this.#folder, "monitor"), this.#gone.signal);
    return await (await this.#monitor).execute(command, args);
  }

  /** End QEMU; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#qemu.kill("SIGKILL");
    await this.ended;
    await this.#monitor?.then(
      (qmp) => qmp.close(),
      () => {}, // never came to be
    );
  }

  #failure(what: string): Error {
    const lines = this.serial
      .replace(CONTROLS, "")
      .trimEnd()
      .split(/[\r\n]+/);
    return new Error([what, this.#stderr.trim(), ...lines.slice(-15)].filter(Boolean).join("\n  "));
  }
}

/** What firmware and boot loader send to place their text on a terminal. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /\x1b\[[0-9;?=]*[a-zA-Z]|[\x00-\x08\x0b-\x1f]/g;

async function commandLine(
  options: MachineOptions,
  folder: string,
  served: Served | undefined,
): Promise<string[]> {
  const monitor = ["-qmp", `unix:${join(folder, "monitor")},server=on,wait=off`];
  const bare = ["-nodefaults", "-no-user-config", "-no-reboot", ...monitor];
  if (options.firmware === "pi" && options.arch !== "aarch64") throw new Error("a Raspberry Pi is aarch64");
  if (options.firmware === "pi")
    return [...bare, "-display", "none", ...(await raspberryPi(options.image, folder))];
  const { arch = "x86_64", firmware = "uefi", memory = 768, cores = 2, accel = "tcg", kernel } = options;
  const computer = COMPUTERS[arch];
  if (firmware === "bios" && !computer.bios) throw new Error(`a computer that is ${arch} has no BIOS`);
  const secure = options.secureBoot ? "on" : "off";
  if (options.secureBoot && firmware !== "uefi") throw new Error("a BIOS has no Secure Boot");
  // The one to start from comes last, so that it is not found just because it is first
  const sticks = (options.extraDisks ?? []).map((extra, i) => [
    ...drive(`extra${i}`, extra, "snapshot=on"),
    "-device",
    `usb-storage,bus=usb.0,drive=extra${i}`,
  ]);
  return [
    bare,
    computer.board(secure),
    ["-accel", accel === "tcg" ? "tcg,thread=multi" : accel, "-cpu", accel === "tcg" ? computer.cpu : "host"],
    ["-smp", `${cores}`, "-m", `${memory}`],
    firmware === "uefi" ? await uefi(computer.uefi, options.secureBoot === true, folder, served?.uri) : [],
    [...computer.devices, "-serial", "stdio"],
    options.display === undefined
      ? ["-display", "none"]
      : ["-vga", "none", "-device", "virtio-vga-gl", "-display", "sdl,gl=on"],
    ["-device", "qemu-xhci,id=usb,p2=8,p3=8", "-device", "usb-kbd,bus=usb.0"],
    ["-audiodev", "none,id=silence", "-device", "intel-hda", "-device", "hda-duplex,audiodev=silence"],
    options.usbSound === true ? ["-device", "usb-audio,bus=usb.0,audiodev=silence"] : [],
    options.network === true ? ["-nic", "user,model=e1000e"] : [],
    ...sticks,
    ...disk(options, computer),
    served?.args ?? [],
    options.medium === "lan" ? networkCard("tap,ifname=os0,script=no,downscript=no", ",bootindex=0") : [],
    kernel ? ["-kernel", kernel.file, "-initrd", kernel.initrd, "-append", kernel.args] : [],
    options.args ?? [],
  ].flat();
}

/** What the machine starts from, if that is attached to it. */
function disk(options: MachineOptions, computer: Computer): string[][] {
  const { image, medium = "usb", sectorSize: size, kernel } = options;
  if (medium === "http" || medium === "pxe" || medium === "lan") return [];
  const sectors = size === undefined ? "" : `,logical_block_size=${size},physical_block_size=${size}`;
  const kept = options.writes ? "off" : "on";
  const logged = options.writeLog === undefined ? undefined : comma(resolve(options.writeLog));
  return [
    logged === undefined
      ? drive(DRIVE, image, medium.endsWith("cdrom") ? "media=cdrom,readonly=on" : `snapshot=${kept}`)
      : [
          "-drive",
          `if=none,id=${DRIVE},snapshot=${kept},driver=blklogwrites,log-sector-size=512,log.driver=file,log.filename=${logged},` +
            `file.driver=raw,file.file.driver=file,file.file.filename=${comma(resolve(image))}`,
        ],
    [
      "-device",
      `${deviceOf(medium, computer)},id=${MEDIUM},drive=${DRIVE},bootindex=${kernel ? 1 : 0}${sectors}`,
    ],
  ];
}

function deviceOf(medium: Medium, computer: Computer): string {
  if (medium === "cdrom") return computer.disc;
  const device = DEVICES[medium];
  if (device === undefined) throw new Error(`nothing here starts from ${medium} but a Raspberry Pi`);
  return device;
}

const DEVICES: Partial<Record<Medium, string>> = {
  usb: "usb-storage,bus=usb.0",
  "usb-card": "usb-storage,bus=usb.0,removable=on",
  "usb-cdrom": "usb-storage,bus=usb.0",
  sata: "ide-hd,bus=ide.0",
  nvme: "nvme,serial=1",
} as const;

function drive(id: string, file: string, how: string): string[] {
  return ["-drive", `if=none,id=${id},format=raw,${how},file=${comma(resolve(file))}`];
}

/** A path in QEMU's options. */
function comma(path: string): string {
  return path.replaceAll(",", ",,");
}

async function uefi(
  of: Computer["uefi"],
  secureBoot: boolean,
  folder: string,
  uri: string | undefined,
): Promise<string[]> {
  const keys = secureBoot ? ".ms" : "";
  const variables = join(folder, "variables.fd"); // the firmware writes to it
  await copyFile(of.file("VARS", keys), variables).catch((error: Error) => {
    throw new Error(`no UEFI firmware for QEMU (apt install ${of.package}): ${error.message}`);
  });
  if (uri !== undefined) {
    await writeFile(variables, withBootUri(new Uint8Array(await readFile(variables)), uri));
  }
  return [
    "-drive",
    `if=pflash,unit=0,format=raw,readonly=on,file=${of.file("CODE", keys)}`,
    "-drive",
    `if=pflash,unit=1,format=raw,file=${variables}`,
  ];
}
