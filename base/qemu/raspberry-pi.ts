import { execFileSync } from "node:child_process";
import { stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { WINDOW } from "../../src/release/manifest.ts";

/** What the kernel calls the board that QEMU has, with its version of the device tree. */
const BOARD = { machine: "raspi3b", tree: "bcm2837-rpi-3-b.dtb" } as const;

/** What is used of a Raspberry Pi's `config.txt`. */
interface Config {
  readonly kernel: string;
  readonly initramfs: string;
}

/**
 * Arguments of QEMU's for a Raspberry Pi 3 with `image` on its card. QEMU runs no firmware of a Pi's, so what that does is done
 * here: what to load is read from `config.txt`, `cmdline.txt` and the files beside them, on the image's first partition.
 * `folder` is for what is loaded. Throws `Error` when something of it is not there.
 */
export async function raspberryPi(image: string, folder: string): Promise<string[]> {
  const take = (name: string) => {
    const copy = join(folder, name);
    execFileSync("mcopy", ["-n", "-i", `${image}@@${WINDOW}`, `::${name}`, copy], { stdio: "pipe" });
    return copy;
  };
  const text = (name: string) =>
    execFileSync("mcopy", ["-i", `${image}@@${WINDOW}`, `::${name}`, "-"], { encoding: "utf8" });
  const { kernel, initramfs } = parseConfig(text("config.txt"));
  const card = join(folder, "card.img"); // QEMU takes cards of a power of two alone
  execFileSync("cp", ["--sparse=always", "--reflink=auto", image, card]);
  await truncate(card, 2 ** Math.ceil(Math.log2((await stat(image)).size)));
  return [
    ["-machine", BOARD.machine, "-accel", "tcg,thread=multi"],
    ["-kernel", take(kernel), "-initrd", take(initramfs), "-dtb", take(BOARD.tree)],
    ["-append", text("cmdline.txt").trim()],
    ["-drive", `if=sd,format=raw,file=${card.replaceAll(",", ",,")}`],
    ["-serial", "null", "-serial", "stdio"], // the second is the one on the header's pins
  ].flat();
}

/** Of a `config.txt` what is to be loaded. Throws `Error` when it does not say that. */
export function parseConfig(text: string): Config {
  const [, kernel] = /^kernel=(\S+)$/m.exec(text) ?? [];
  const [, initramfs] = /^initramfs (\S+) followkernel$/m.exec(text) ?? [];
  if (kernel === undefined || initramfs === undefined)
    throw new Error("config.txt names no kernel or initramfs");
  return { kernel, initramfs };
}
