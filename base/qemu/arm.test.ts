import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatOsJson } from "../../src/image/os-json.ts";
import { newest } from "../../src/release/list.ts";
import { parseLatest } from "../../src/release/latest.ts";
import { type Manifest, parseManifest, WINDOW } from "../../src/release/manifest.ts";
import { sha256Of } from "../../src/testing/test-base.ts";
import { run } from "../../src/testing/tools.ts";
import { ALL_WAYS, ANSWER, bootImage } from "./boot.ts";

// The tiny flavor for aarch64, built and started in each way there is (npm run test:boots): what is not told apart by
// architecture is tested in boot.test.ts, and what takes seconds in raspberry-pi.test.ts and base/build.

const BUILD_MS = 900_000;
const BOOT_SECONDS = 400;
const BOOT_MS = 420_000;

describe.runIf(ALL_WAYS)("tiny for aarch64", () => {
  const folder = fs.mkdtempSync(join(tmpdir(), "arm-"));
  const cdn = join(import.meta.dirname, "../out/cdn");
  let manifest: Manifest;
  let image: string;

  beforeAll(() => {
    const script = join(import.meta.dirname, "../build/build.sh");
    execFileSync(script, ["tiny", "aarch64"], { stdio: ["ignore", "pipe", "inherit"] });
    const json = (path: string): unknown => JSON.parse(fs.readFileSync(join(cdn, path), "utf8"));
    const { manifest: path } = newest(parseLatest(json("latest.json")), {
      flavor: "tiny",
      arches: ["aarch64"],
    });
    manifest = parseManifest(json(path));
    image = join(cdn, path, "..", manifest.image.url);
  }, BUILD_MS);
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  test("the list offers it beside the base for PCs, and says which is which", () => {
    expect(manifest).toMatchObject({ arch: "aarch64", flavor: "tiny", files: [] });
    expect(image).toMatch(/\/tiny-aarch64-[^/]*\/fedac-os-tiny-aarch64-[^/]*\.img$/);
  });

  test("firmware of UEFI and of a Raspberry Pi finds its files on FAT32", () => {
    const esp = `${image}@@${WINDOW}`;
    expect(run("minfo", "-i", esp, "::")).toMatch(/disk type="FAT32/);
    const names = run("mdir", "-b", "-/", "-i", esp, "::").split("\n");
    for (const name of [
      "EFI/BOOT/BOOTAA64.EFI",
      "EFI/BOOT/grubaa64.efi",
      "vmlinuz",
      "start4.elf",
      "bcm2712-rpi-5-b.dtb",
    ])
      expect(names).toContain(`::/${name}`);
    const [, live = ""] = /Partition unique GUID: (\S+)/.exec(run("sgdisk", "--info=2", image)) ?? [];
    expect(run("mcopy", "-i", esp, "::cmdline.txt", "-")).toContain(`live=PARTUUID=${live.toLowerCase()} `);
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
      const booted = await bootImage({ ...how, image: disk, until: ANSWER, timeoutSeconds: BOOT_SECONDS });
      expect(booted.line).toBe(line);
    },
  );

  test("a Raspberry Pi that finds no piece on its card says so", { timeout: BOOT_MS }, async () => {
    const how = { arch: "aarch64", firmware: "pi", medium: "sd" } as const;
    const { line } = await bootImage({ ...how, image, until: ANSWER, timeoutSeconds: BOOT_SECONDS });
    expect(line).toBe("NOPIECE no-filesystem there is no file system on FEDAC-PIECE");
  });

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
