import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatOsJson } from "../../src/image/os-json.ts";
import { type Manifest, WINDOW } from "../../src/release/manifest.ts";
import { sha256Of } from "../../src/testing/test-base.ts";
import { run } from "../../src/testing/tools.ts";
import { ALL_WAYS, bootImage, LASTING_ANSWER } from "./boot.ts";
import { parseConfig } from "./raspberry-pi.ts";
import { BUILD_MS, buildTiny } from "./tiny.ts";

// The tiny flavor for aarch64, built and started in each way there is (npm run test:boots): what is not told apart by
// architecture is tested in boot.test.ts, and what takes seconds in raspberry-pi.test.ts and base/build.

const BOOT_SECONDS = 400;
const BOOT_MS = 420_000;

describe.runIf(ALL_WAYS)("tiny for aarch64", () => {
  const folder = fs.mkdtempSync(join(tmpdir(), "arm-"));
  let manifest: Manifest;
  let image: string;

  beforeAll(() => {
    ({ manifest, image } = buildTiny("aarch64"));
  }, BUILD_MS);
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  test("the list offers it beside the base for PCs, and says which is which", () => {
    expect(manifest).toMatchObject({ arch: "aarch64", flavor: "tiny", files: [] });
    expect(image).toMatch(/\/tiny-aarch64-[^/]*\/fedac-os-tiny-aarch64-[^/]*\.img$/);
  });

  test("firmware of UEFI and of a Raspberry Pi finds the same FAT32, each by its own table", () => {
    const [, first, last] =
      /First sector: (\d+)[^]*Last sector: (\d+)/.exec(run("sgdisk", "--info=1", image)) ?? [];
    const sectors = Number(last) - Number(first) + 1;
    expect(Number(first)).toBe(WINDOW / 512);
    expect(sectors * 512).toBeGreaterThanOrEqual(64 * 1024 * 1024);
    expect(run("sgdisk", "--info=1", image)).toContain("C12A7328-F81F-11D2-BA4B-00A0C93EC93B"); // ESP
    expect(run("sgdisk", "--verify", image)).toMatch(/^No problems found/m);
    const mbr = bytesAt(0, 512);
    const entries = [0, 1, 2, 3].map((number) => {
      const at = 0x1be + 16 * number;
      return [mbr[at + 4], mbr.readUInt32LE(at + 8), mbr.readUInt32LE(at + 12)];
    });
    expect(entries).toEqual([
      [0x0c, WINDOW / 512, sectors],
      [0xee, 1, WINDOW / 512 - 1],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    const said = run("minfo", "-i", `${image}@@${WINDOW}`, "::");
    expect(said).toMatch(/disk type="FAT32/);
    expect(said).toMatch(new RegExp(`^big size: ${sectors} sectors`, "m"));
    // Fewer clusters would be FAT16, whatever the boot sector calls it (Microsoft's FAT specification, 3.5)
    expect(sectors / Number(/cluster size: (\d+) sectors/.exec(said)?.[1])).toBeGreaterThan(65_525 * 1.05);
    const names = namesOf(run("mdir", "-b", "-/", "-i", `${image}@@${WINDOW}`, "::"));
    expect(names).toEqual(expect.arrayContaining(["EFI/BOOT/BOOTAA64.EFI", "EFI/BOOT/grubaa64.efi"]));
    expect(names.filter((name) => /x64|i386/i.test(name))).toEqual([]);
  });

  test.each<[board: string, tree: string, model: string, firmware: string[]]>([
    ["3 B", "bcm2837-rpi-3-b.dtb", "raspberrypi,3-model-b", ["bootcode.bin", "start.elf", "fixup.dat"]],
    [
      "3 B+",
      "bcm2837-rpi-3-b-plus.dtb",
      "raspberrypi,3-model-b-plus",
      ["bootcode.bin", "start.elf", "fixup.dat"],
    ],
    ["4", "bcm2711-rpi-4-b.dtb", "raspberrypi,4-model-b", ["start4.elf", "fixup4.dat"]],
    ["400", "bcm2711-rpi-400.dtb", "raspberrypi,400", ["start4.elf", "fixup4.dat"]],
    ["CM4", "bcm2711-rpi-cm4-io.dtb", "raspberrypi,4-compute-module", ["start4.elf", "fixup4.dat"]],
    ["5", "bcm2712-rpi-5-b.dtb", "raspberrypi,5-model-b", []],
    ["5 of a later chip", "bcm2712-d-rpi-5-b.dtb", "raspberrypi,5-model-b", []],
    ["5 of a later chip, as its firmware calls it", "bcm2712d0-rpi-5-b.dtb", "raspberrypi,5-model-b", []],
  ])("a Raspberry Pi %s finds what it starts from", (_, tree, model, firmware) => {
    for (const name of firmware) expect(fileOf(name).length, name).toBeGreaterThan(1000);
    const described = fileOf(tree);
    expect(described.readUInt32BE(0)).toBe(0xd00dfeed); // the Devicetree specification, 5.2
    expect(described.readUInt32BE(4)).toBe(described.length);
    expect(described.toString("latin1")).toContain(`${model}\0`);
  });

  test("a Raspberry Pi's configuration names a kernel that it can run, and this very release's root", () => {
    const config = fileOf("config.txt").toString();
    const names = parseConfig(config);
    expect(config).toMatch(/^arm_64bit=1$/m);
    expect(config).toMatch(/^upstream_kernel=1$/m); // the names that the device trees have
    expect(config).not.toMatch(/^(?:dtoverlay|include|os_prefix|overlay_prefix)\b/m); // there are no such files
    // The kernel's Documentation/arch/arm64/booting.rst: a plain Image, neither packed nor for UEFI alone
    const kernel = fileOf(names.kernel);
    expect(kernel.toString("latin1", 0x38, 0x3c)).toBe("ARM\x64");
    expect(kernel.toString("latin1", 4, 8)).not.toBe("zimg");
    expect(kernel.length).toBeLessThan(64 * 1024 * 1024);
    expect(fileOf(names.initramfs).readUInt32LE(0)).toBe(0xfd2fb528); // Zstandard, RFC 8878
    const [, live = ""] = /Partition unique GUID: (\S+)/.exec(run("sgdisk", "--info=2", image)) ?? [];
    const words = fileOf("cmdline.txt").toString().trim().split(" ");
    expect(words).toEqual(expect.arrayContaining([`live=PARTUUID=${live.toLowerCase()}`, "piece=auto"]));
  });

  test("the root hash in the initramfs, which a Raspberry Pi's firmware loads, is that of this root", () => {
    const unpacked = join(folder, "initramfs");
    fs.mkdirSync(unpacked);
    fs.writeFileSync(join(folder, "initramfs.img"), fileOf("initramfs.img"));
    run("sh", "-c", `cd "$1" && zstd -qdc ../initramfs.img | cpio -i --quiet live.table`, "sh", unpacked);
    const table = fs.readFileSync(join(unpacked, "live.table"), "utf8").trim();
    const [, , verity, , , , , , blocks, tree, , hash] = table.split(" ");
    expect(verity).toBe("verity");
    const [, first] = /First sector: (\d+)/.exec(run("sgdisk", "--info=2", image)) ?? [];
    const live = join(folder, "live.img");
    const length = Math.ceil((manifest.piecePartition.start - Number(first) * 512) / 512);
    run("dd", `if=${image}`, `of=${live}`, "bs=512", `skip=${first}`, `count=${length}`, "status=none");
    const format = ["--no-superblock", "--salt=-", "--hash=sha256"];
    const sizes = ["--data-block-size=4096", "--hash-block-size=4096", `--data-blocks=${blocks}`];
    const at = `--hash-offset=${Number(tree) * 4096}`;
    run("veritysetup", "verify", ...format, ...sizes, at, live, live, hash!); // throws where it is another
    const other = hash!.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
    expect(() => run("veritysetup", "verify", ...format, ...sizes, at, live, live, other)).toThrow();
  });

  test.each([
    ["uefi", "usb", false],
    ["uefi", "cdrom", false],
    ["uefi", "usb", true],
    ["pi", "sd", false],
  ] as const)(
    "by %s from %s (Secure Boot: %s) an image with a piece says which",
    { timeout: BOOT_MS },
    async (firmware, medium, secureBoot) => {
      const { disk, line } = withPiece();
      const how = { arch: "aarch64", firmware, medium, secureBoot } as const;
      const booted = await bootImage({
        ...how,
        image: disk,
        until: LASTING_ANSWER,
        timeoutSeconds: BOOT_SECONDS,
      });
      expect(booted.line).toBe(line);
    },
  );

  test("a Raspberry Pi that finds no piece on its card says so", { timeout: BOOT_MS }, async () => {
    const how = { arch: "aarch64", firmware: "pi", medium: "sd" } as const;
    const { line } = await bootImage({ ...how, image, until: LASTING_ANSWER, timeoutSeconds: BOOT_SECONDS });
    expect(line).toBe("NOPIECE no-filesystem there is no file system on FEDAC-PIECE");
  });

  /** Bytes of the image. */
  function bytesAt(start: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    const file = fs.openSync(image, "r");
    fs.readSync(file, bytes, 0, length, start);
    fs.closeSync(file);
    return bytes;
  }

  /** A file of the image's first partition. */
  function fileOf(name: string): Buffer {
    const copy = join(folder, "file");
    run("mcopy", "-n", "-o", "-i", `${image}@@${WINDOW}`, `::${name}`, copy);
    return fs.readFileSync(copy);
  }

  /** The image with a piece in it, and the line that it must say. */
  function withPiece(): { disk: string; line: string } {
    const bundle = Buffer.from("<!doctype html><title>a piece</title>\n".repeat(2000));
    const sha256 = sha256Of(bundle);
    const of = {
      format: 1,
      piece: "frog",
      size: bundle.length,
      sha256,
      base: "fedac-os tiny",
      allow: [],
    } as const;
    const disk = join(folder, "piece.img");
    if (!fs.existsSync(disk)) {
      const source = join(folder, "files");
      fs.mkdirSync(source);
      fs.writeFileSync(join(source, "piece.html"), bundle);
      fs.writeFileSync(join(source, "os.json"), formatOsJson(of));
      const { start, length, label } = manifest.piecePartition;
      const partition = join(folder, "piece.ext4");
      run("mkfs.ext4", "-q", "-L", label, "-d", source, partition, String(length / 1024));
      const bytes = fs.readFileSync(image);
      fs.readFileSync(partition).copy(bytes, start);
      fs.writeFileSync(disk, bytes);
    }
    return { disk, line: `PIECE frog ${sha256} ${bundle.length}` };
  }
});

/** Paths that `mdir -b` lists, without its drive. */
function namesOf(listing: string): string[] {
  return listing.split("\n").flatMap((line) => (line.startsWith("::/") ? [line.slice(3)] : []));
}
