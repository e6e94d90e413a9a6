import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { read } from "../../src/ext4/reader.ts";
import { planPartition } from "../../src/image/plan.ts";
import { fetchesOverHttp } from "../../src/netboot/grub.ts";
import { sha256Of } from "../../src/testing/test-base.ts";
import { run } from "../../src/testing/tools.ts";
import { ALL_WAYS, bootImage, LASTING_ANSWER } from "./boot.ts";
import { type MachineOptions, type Medium, withMachine } from "./machine.ts";
import { pageLetters, pixelAt, readPicture } from "./picture.ts";
import { BUILD_MS, buildTiny } from "./tiny.ts";
import { withBootUri } from "./uefi-variables.ts";
import { vary } from "./variants.ts";

// The finished image over a network that QEMU makes of its own, by this repository's own server, with Debian's signed shim and
// GRUB. Both take a minute: loading is slow where the network card and the processor are emulated.

const BOOT_SECONDS = 600;
const BOOT_MS = 620_000;

/** One pixel, #e91e80. */
const SPLASH = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12N4KdcAAAN7AYgjS+XNAAAAAElFTkSuQmCC";
const PINK = [0xe9, 0x1e, 0x80];

const folder = fs.mkdtempSync(join(tmpdir(), "network-"));
const image = join(folder, "image.iso");
const cache = join(import.meta.dirname, "../out/cache/debs");
/** Where on the ESP the GRUB for networks is, and where that begins in the image. */
const GRUB = "::/grubnet.efi";
const ESP_START = 4 * 1024 * 1024;
const html = new Uint8Array(Buffer.from("<!doctype html><title>a piece</title>\n".repeat(2000)));
/** Of the file system on its FEDAC-PIECE. */
let uuid: string;
const line = `PIECE notepat ${sha256Of(html)} ${html.length}`;

beforeAll(async () => {
  const { manifest, image: built } = buildTiny();
  const splash = new Uint8Array(Buffer.from(SPLASH, "base64"));
  const { segments } = await planPartition(manifest, { pieces: [{ name: "notepat", html }], splash });
  const bytes = fs.readFileSync(built);
  let at = manifest.piecePartition.start;
  for (const segment of segments) {
    if (segment.kind === "bytes") bytes.set(segment.bytes, at);
    at += segment.kind === "bytes" ? segment.bytes.length : segment.length;
  }
  const { start, length } = manifest.piecePartition;
  const volume = await read(
    (from, count) => new Uint8Array(bytes.subarray(start + from, start + Math.min(length, from + count))),
  );
  uuid = volume.uuid;
  fs.writeFileSync(image, bytes);
  if (ALL_WAYS) takeNewerGrub();
}, BUILD_MS);

/** Put the kiosk's GRUB into the image, where this computer's distribution, and so tiny, has one that starts nothing by PXE. */
function takeNewerGrub(): void {
  const esp = `${image}@@${ESP_START}`;
  const file = join(folder, "grubnet.efi");
  run("mcopy", "-i", esp, GRUB, file);
  if (fetchesOverHttp(new Uint8Array(fs.readFileSync(file)))) return;
  for (const name of fs.readdirSync(cache).filter((each) => each.startsWith("grub-efi-amd64-signed_"))) {
    const unpacked = fs.mkdtempSync(join(folder, "grub-"));
    run("dpkg-deb", "-x", join(cache, name), unpacked);
    const newer = join(unpacked, "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed");
    if (!fetchesOverHttp(new Uint8Array(fs.readFileSync(newer)))) continue;
    run("mcopy", "-o", "-i", esp, newer, GRUB);
    return;
  }
  throw new Error("PXE needs GRUB 2.12, which the kiosk's packages have: npm run base -- kiosk");
}
afterAll(() => fs.rmSync(folder, { recursive: true }));

const WAYS: readonly (readonly [Medium, boolean])[] = [
  ["http", true],
  ["pxe", true],
  ["http", false],
  ["pxe", false],
];
test.each(ALL_WAYS ? WAYS : [])(
  "by %s, with Secure Boot %s, the piece is there, with its splash",
  { timeout: BOOT_MS },
  async (medium, secureBoot) => {
    const screenshot = join(folder, `${medium}.png`);
    const booted = await bootImage({
      image,
      medium,
      secureBoot,
      screenshot,
      until: LASTING_ANSWER,
      timeoutSeconds: BOOT_SECONDS,
    });
    expect(booted.line).toBe(line);
    const screen = await readPicture(screenshot);
    expect(pixelAt(screen, screen.width / 2, screen.height / 2)).toEqual(PINK);
  },
);

test.each(ALL_WAYS ? [[], ["--secure-boot"]] : [])(
  "in a school's network, beside its DHCP server, with what --dnsmasq prints %s",
  { timeout: BOOT_MS },
  (...options) => {
    const script = join(import.meta.dirname, "classroom.sh");
    const said = run("bash", script, image, "--timeout", `${BOOT_SECONDS}`, ...options);
    expect(said).toMatch(`${line}\n`);
  },
);

// From here on without boot loaders, which take minutes where QEMU emulates them: the kernel is given what they leave

/** As GRUB leaves it: the image behind the initramfs, as a file of it. */
function byInitramfs(disk: string): Partial<MachineOptions> {
  const packed = fs.mkdtempSync(join(folder, "packed-"));
  fs.linkSync(disk, join(packed, "image.iso"));
  const initrd = join(packed, "initrd");
  const script = `cd "$1" && cat "$2" > initrd && truncate --size=%4 initrd && echo image.iso | cpio --quiet -o -H newc >> initrd`;
  run("sh", "-c", script, "sh", packed, ofEsp("initramfs.img"));
  return { kernel: { file: ofEsp("vmlinuz"), initrd, args: kernelArgs() } };
}

/** As UEFI HTTP boot leaves it: the image in memory of its own, of which the ACPI table NFIT tells. */
function byNfit(disk: string): Partial<MachineOptions> {
  const size = Math.ceil(fs.statSync(disk).size / NVDIMM) * NVDIMM;
  fs.truncateSync(disk, size);
  const backend = `memory-backend-file,id=image,share=off,readonly=on,mem-path=${disk},size=${size}`;
  return {
    kernel: { file: ofEsp("vmlinuz"), initrd: ofEsp("initramfs.img"), args: kernelArgs() },
    args: ["-machine", "nvdimm=on", "-m", "768,slots=1,maxmem=4G", "-object", backend].concat(
      ["-device", "nvdimm,memdev=image,unarmed=on"], // unarmed: it cannot be written
    ),
  };
}

/** QEMU's, and the kernel's, unit of such memory. */
const NVDIMM = 128 * 1024 * 1024;

function ofEsp(name: string): string {
  const file = join(folder, name);
  if (!fs.existsSync(file)) run("mcopy", "-i", `${image}@@${ESP_START}`, `::/${name}`, file);
  return file;
}

function kernelArgs(): string {
  const live = /Partition unique GUID: (\S+)/.exec(run("sgdisk", "--info=2", image))![1]!.toLowerCase();
  const piece = `piece=UUID=${uuid}`;
  return `live=PARTUUID=${live} ${piece} console=ttyS0,115200 console=tty0 quiet loglevel=3 fbcon=map:9 panic=60`;
}

/** A disk with nothing on it. */
function blank(): string {
  const file = join(folder, "blank");
  fs.writeFileSync(file, new Uint8Array(1024 * 1024));
  return file;
}

const LOADED = [
  ["beside the initramfs", byInitramfs],
  ["in memory of its own", byNfit],
] as const;
describe.runIf(ALL_WAYS).each(LOADED)("an image that the firmware or GRUB has put %s", (_, by) => {
  const start = async (disk: string) => {
    const screenshot = join(folder, "page.png");
    const how = { until: LASTING_ANSWER, timeoutSeconds: BOOT_SECONDS, screenshot };
    const { line: said } = await bootImage({ image: blank(), ...how, ...by(disk) });
    return { said, screen: await readPicture(screenshot) };
  };

  test("starts", { timeout: BOOT_MS }, async () => {
    const copy = join(folder, "whole.img");
    fs.copyFileSync(image, copy);
    expect((await start(copy)).said).toBe(line);
  });

  test("is noticed when its root has lost bits", { timeout: BOOT_MS }, async () => {
    const { image: lost, expected } = await vary(image, "lost", folder);
    const { said, screen } = await start(lost);
    expect(said.startsWith(expected), said).toBe(true);
    expect(pageLetters(screen)).toBeGreaterThan(0.02); // a page full of them
  });
});

// The kernel unpacks into half of what loading has left: of 300 MiB that is less than tiny has. QEMU's UEFI would need more than
// that to load it; by a BIOS the kernel sets the mode of the screen itself (vga=, for 1024×768 in 24 bits).
test.runIf(ALL_WAYS)("an image that does not fit into memory gets a page", { timeout: BOOT_MS }, async () => {
  const { kernel } = byInitramfs(image);
  const screenshot = join(folder, "memory.png");
  const booted = await bootImage({
    image: blank(),
    firmware: "bios",
    kernel: { ...kernel!, args: `${kernel!.args} vga=0x318` },
    memory: 300,
    screenshot,
    until: LASTING_ANSWER,
    timeoutSeconds: BOOT_SECONDS,
  });
  expect(booted.line).toBe("NOPIECE memory what has come over the network does not fit into memory");
  expect(pageLetters(await readPicture(screenshot))).toBeGreaterThan(0.01);
});

test("a BIOS is told at once that it cannot", async () => {
  const never = withMachine({ image, medium: "pxe", firmware: "bios" }, () => Promise.resolve());
  await expect(never).rejects.toThrow("a BIOS does not start the image over a network");
});

test("what are no variables of firmware's are left alone", () => {
  const uri = "http://10.0.2.2:8080/os.iso";
  expect(() => withBootUri(new Uint8Array(4096), uri)).toThrow("no variables of OVMF's");
  const variables = new Uint8Array(fs.readFileSync("/usr/share/OVMF/OVMF_VARS_4M.fd"));
  const changed = withBootUri(variables, uri);
  expect(changed.length).toBe(variables.length);
  expect(Buffer.from(changed).includes(uri)).toBe(true);
  let full = changed;
  expect(() => {
    for (let i = 0; i < 10_000; i++) full = withBootUri(full, uri.padEnd(20_000, "x"));
  }).toThrow("no room for another variable");
});
