import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/testing/tools.ts";
import { ALL_WAYS } from "./boot.ts";
import { letIn } from "./intruder.ts";
import { type Machine, type MachineOptions, withMachine } from "./machine.ts";
import { pageLetters, readPicture } from "./picture.ts";
import { BUILD_MS, buildTiny, fileOfTiny, kernelArguments, type Tiny } from "./tiny.ts";

// What a machine starts from is taken out, and put in again (npm run test:boots): while it runs, and while its initramfs looks
// for it.

const BOOT_SECONDS = 400;
const BOOT_MS = 900_000;
const GONE = "NOPIECE no-disk the disk that this computer was started from does not answer";
/** The base has no piece, and says so once it runs. */
const RUNS = /^NOPIECE no-filesystem /m;

const folder = fs.mkdtempSync(join(tmpdir(), "gone-"));
let tiny: Tiny;
/** Start it as GRUB does, without what GRUB needs to see. */
let kernel: { readonly file: string; readonly initrd: string; readonly args: string };

beforeAll(() => {
  if (!ALL_WAYS) return;
  tiny = buildTiny();
  kernel = {
    file: join(folder, "vmlinuz"),
    initrd: join(folder, "initramfs.img"),
    args: kernelArguments(tiny),
  };
  fs.writeFileSync(kernel.file, fileOfTiny(tiny, "/vmlinuz"));
  fs.writeFileSync(kernel.initrd, fileOfTiny(tiny, "/initramfs.img"));
}, BUILD_MS);
afterAll(() => fs.rmSync(folder, { recursive: true }));

async function letters(machine: Machine, name: string): Promise<number> {
  const screenshot = join(folder, `${name}.png`);
  await machine.screenshot(screenshot);
  return pageLetters(await readPicture(screenshot));
}

test.runIf(ALL_WAYS).each<[what: string, Pick<MachineOptions, "medium" | "sectorSize">]>([
  ["a stick", { medium: "usb" }],
  ["a disk with sectors of 4,096 bytes", { medium: "usb", sectorSize: 4096 }],
  ["a card", { medium: "usb-card" }],
  ["a disc", { medium: "cdrom" }],
])(
  "%s that is taken out of a running machine is said to be gone, not to have lost data",
  { timeout: BOOT_MS },
  async (what, options) => {
    const { medium } = options;
    const image = join(folder, `${what}.img`);
    fs.copyFileSync(tiny.image, image);
    await letIn(image, "reader");
    await withMachine({ image, ...options }, async (machine) => {
      await machine.line(RUNS, BOOT_SECONDS);
      await (medium === "usb" ? machine.unplug() : machine.eject());
      expect(await machine.line(/^NOPIECE (?!no-filesystem).*/m, BOOT_SECONDS)).toBe(GONE);
      expect(await letters(machine, what)).toBeGreaterThan(0.02);
      await machine.powerButton();
      expect(await machine.ended).toBe("QEMU ended with exit code 0");
    });
  },
);

test.runIf(ALL_WAYS).each(["usb-card", "cdrom"] as const)(
  "a %s that is put back while the piece goes on is said to have been gone",
  { timeout: BOOT_MS },
  async (medium) => {
    const image = join(folder, "put-back.img");
    fs.copyFileSync(tiny.image, image);
    await letIn(image, "reader");
    await withMachine({ image, medium }, async (machine) => {
      await machine.line(RUNS, BOOT_SECONDS);
      await machine.eject();
      await machine.line(/^DAMAGED /m, BOOT_SECONDS);
      await delay(1000); // of the three seconds that are left to what is on the screen
      await machine.insert(image);
      expect(await machine.line(/^NOPIECE (?!no-filesystem).*/m, BOOT_SECONDS)).toBe(GONE);
    });
  },
);

test.runIf(ALL_WAYS)("a card that is put into its reader late is found", { timeout: BOOT_MS }, async () => {
  const card = join(folder, "card.img");
  fs.copyFileSync(tiny.image, card);
  await withMachine({ image: tiny.image, medium: "usb-card", kernel }, async (machine) => {
    await machine.eject();
    expect(await machine.line(/^NOPIECE .*/m, BOOT_SECONDS)).toBe(GONE);
    await machine.insert(card);
    await machine.line(RUNS, BOOT_SECONDS);
  });
});

test.runIf(ALL_WAYS).each<[what: string, Pick<MachineOptions, "medium" | "sectorSize">]>([
  ["a stick", { medium: "usb" }],
  ["a disk with sectors of 4,096 bytes", { medium: "usb", sectorSize: 4096 }],
  ["a disc", { medium: "cdrom" }],
])(
  "%s whose root is lost is said to be, and a whole one in its place is started from",
  { timeout: BOOT_MS },
  async (what, options) => {
    const { medium, sectorSize } = options;
    const image = join(folder, "lost.img");
    const bytes = fs.readFileSync(tiny.image);
    const [, sector] = /First sector: (\d+)/.exec(run("sgdisk", "--info=2", tiny.image))!;
    bytes.fill(0, Number(sector) * 512, Number(sector) * 512 + 4096); // its superblock
    fs.writeFileSync(image, bytes);
    await withMachine({ image, kernel, ...options }, async (machine) => {
      const lost = "NOPIECE no-system the system on FEDAC-LIVE cannot be read";
      expect(await machine.line(/^NOPIECE .*/m, BOOT_SECONDS)).toBe(lost);
      expect(await letters(machine, `${what}, lost`)).toBeGreaterThan(0.02);
      await (medium === "usb" ? machine.unplug() : machine.eject());
      await machine.line(new RegExp(`^${GONE}`, "m"), BOOT_SECONDS);
      await (medium === "usb" ? machine.plugIn(tiny.image, sectorSize) : machine.insert(tiny.image));
      await machine.line(RUNS, BOOT_SECONDS);
    });
  },
);
