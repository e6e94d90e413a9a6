import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/testing/tools.ts";
import { ALL_WAYS, ANSWER, bootImage } from "./boot.ts";
import { makeFatStick } from "./fat-stick.ts";
import { readPicture } from "./picture.ts";
import { BUILD_MS, buildTiny, fileOfTiny, kernelArguments } from "./tiny.ts";

// Ways to start an image that leave the kernel without the partitions that it looks for: Ventoy, which shows the firmware a
// file on a stick as a disc, and disks whose sectors are not of 512 bytes. Of Ventoy what it documents is here
// (https://www.ventoy.net/en/doc_compatible.html): a stick with the file on it, and what tells the system so.

const BOOT_SECONDS = 400;
const BOOT_MS = 420_000;

const folder = fs.mkdtempSync(join(tmpdir(), "otherwise-"));
const [vmlinuz, initramfs] = [join(folder, "vmlinuz"), join(folder, "initramfs.img")];
let image: string;
/** As GRUB gives them for the base, which has no piece. */
let kernelArgs: string;

beforeAll(() => {
  const tiny = buildTiny();
  image = tiny.image;
  fs.writeFileSync(vmlinuz, fileOfTiny(tiny, "/vmlinuz"));
  fs.writeFileSync(initramfs, fileOfTiny(tiny, "/initramfs.img"));
  kernelArgs = kernelArguments(tiny);
}, BUILD_MS);
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** What Ventoy tells an operating system begins with this: its GUID, which is text. */
const SIGNATURE = "  www.ventoy.net";
const FROM_VENTOY = "NOPIECE ventoy Ventoy has started this from a file: it needs a stick of its own";

/** A stick with the image as a file on it, and `files` beside it. */
function ventoyStick(name: string, files: Record<string, string> = {}): string {
  const content = join(folder, name);
  fs.mkdirSync(content);
  fs.copyFileSync(image, join(content, "notepat-os.iso"));
  for (const [file, text] of Object.entries(files)) fs.writeFileSync(join(content, file), text);
  const disk = join(folder, `${name}.img`);
  makeFatStick(disk, content, { mib: 300 });
  return disk;
}

test("started by Ventoy from a BIOS, it says so, and soon", { timeout: BOOT_MS }, async () => {
  const parameters = join(folder, "parameters");
  fs.writeFileSync(parameters, SIGNATURE.padEnd(512, "\0"));
  const screenshot = join(folder, "ventoy.png");
  const { line } = await bootImage({
    image: ventoyStick("bios"),
    firmware: "bios",
    // The firmware that Ventoy hides them in says that this is its own
    kernel: { file: vmlinuz, initrd: initramfs, args: `${kernelArgs} memmap=64K$0x90000` },
    args: ["-device", `loader,file=${parameters},addr=0x90000,force-raw=on`],
    until: ANSWER,
    timeoutSeconds: BOOT_SECONDS,
    screenshot,
  });
  expect(line).toBe(FROM_VENTOY);
  const { pixels } = await readPicture(screenshot);
  expect(pixels.filter((each) => each > 0x80).length / pixels.length).toBeGreaterThan(0.01); // letters
});

test.runIf(ALL_WAYS)("started by Ventoy from UEFI, it says so, and soon", { timeout: BOOT_MS }, async () => {
  const script = [
    `setvar VentoyOsParam -guid 77772020-2e77-6576-6e74-6f792e6e6574 -bs -rt =H${Buffer.from(SIGNATURE).toString("hex")}`,
    `vmlinuz.efi initrd=\\initramfs.img ${kernelArgs}`,
  ];
  const disk = ventoyStick("uefi", { "startup.nsh": script.map((line) => `${line}\r\n`).join("") });
  for (const [file, name] of [
    [vmlinuz, "vmlinuz.efi"],
    [initramfs, "initramfs.img"],
  ] as const) {
    run("mcopy", "-i", `${disk}@@1M`, file, `::${name}`);
  }
  const { line } = await bootImage({ image: disk, until: ANSWER, timeoutSeconds: BOOT_SECONDS });
  expect(line).toBe(FROM_VENTOY);
});

test.runIf(ALL_WAYS).each(["uefi", "bios"] as const)(
  "by %s from a USB disk with sectors of 4,096 bytes it starts as from any other",
  { timeout: BOOT_MS },
  async (firmware) => {
    const options = {
      image,
      firmware,
      sectorSize: 4096,
      until: ANSWER,
      timeoutSeconds: BOOT_SECONDS,
    } as const;
    expect((await bootImage(options)).line).toBe(
      "NOPIECE no-filesystem there is no file system on FEDAC-PIECE",
    );
  },
);
