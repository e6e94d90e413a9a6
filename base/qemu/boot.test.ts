import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { interact } from "balena-image-fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GPT_LENGTH, parseGpt } from "../../src/image/gpt.ts";
import { formatOsJson } from "../../src/image/os-json.ts";
import { type Manifest, WINDOW } from "../../src/release/manifest.ts";
import { layOut, STICKS } from "../../src/testing/sticks.ts";
import { sha256Of } from "../../src/testing/test-base.ts";
import { run, runWith } from "../../src/testing/tools.ts";
import { ALL_WAYS, ANSWER, bootImage } from "./boot.ts";
import { withMachine } from "./machine.ts";
import { pageLetters, pixelAt, readPicture } from "./picture.ts";
import { BUILD_MS, buildTiny } from "./tiny.ts";

// What takes seconds on an idle machine may take minutes on a busy one that emulates another.
const BOOT_SECONDS = 400;
const BOOT_MS = 420_000;

/** One pixel, #e91e80. */
const SPLASH = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12N4KdcAAAN7AYgjS+XNAAAAAElFTkSuQmCC";
const PINK = [0xe9, 0x1e, 0x80];

const folder = fs.mkdtempSync(join(tmpdir(), "base-"));
let manifest: Manifest;
let image: string;
let spliced: string | undefined;

beforeAll(() => {
  ({ manifest, image } = buildTiny());
}, BUILD_MS);
afterAll(() => fs.rmSync(folder, { recursive: true }));

test("partition tools and file system checks accept the image", () => {
  expect(run("sgdisk", "--verify", image)).toMatch(/^No problems found/m);
  expect(run("parted", "--script", image, "print")).toMatch(/Partition Table: gpt[^]*FEDAC-PIECE/);
  const esp = cut("esp", 1);
  expect(run("fsck.vfat", "-n", esp)).not.toMatch(/differ|wrong|bad|dirty/i);
  expect(run("mdir", "-b", "-/", "-i", esp, "::")).toContain("::/EFI/BOOT/BOOTX64.EFI");
  expect(fs.existsSync(join(liveFiles(), "usr/lib/fedac/session"))).toBe(true);
});

test("the manifest says where in the image the files lie that UEFI starts it from", () => {
  const bytes = fs.readFileSync(image);
  const [esp, live] = [cut("esp", 1), cut("live", 2)];
  const inImage = manifest.files.map(
    ({ path, start, length }) => [path, bytes.subarray(start, start + length)] as const,
  );
  expect(inImage.map(([path]) => path)).toContain("/EFI/BOOT/BOOTX64.EFI");
  for (const [path, found] of inImage) {
    const copy = join(folder, "copy");
    if (path !== "/live.img") run("mcopy", "-n", "-o", "-i", esp, `::${path}`, copy);
    expect(
      found.equals(
        path === "/live.img" ? fs.readFileSync(live).subarray(0, found.length) : fs.readFileSync(copy),
      ),
      path,
    ).toBe(true);
  }
  fs.writeFileSync(join(folder, "live.img"), inImage.find(([path]) => path === "/live.img")![1]);
  run("unsquashfs", "-stat", join(folder, "live.img")); // whole, with its tables, which are at its end
});

test("the initramfs has the root hash of what lies on FEDAC-LIVE", () => {
  const esp = cut("esp", 1);
  const packed = join(folder, "initramfs.img");
  run("mcopy", "-n", "-o", "-i", esp, "::/initramfs.img", packed);
  const table = run("sh", "-c", 'zstd -dcq "$1" | cpio --quiet -i --to-stdout live.table', "sh", packed);
  const [, , , , , , dataBlock, hashBlock, blocks, treeAt, hash, root, salt] = table.trim().split(" ");
  const live = cut("live", 2);
  const how = `--no-superblock --data-block-size=${dataBlock} --hash-block-size=${hashBlock} --data-blocks=${blocks} --hash=${hash} --salt=${salt} --hash-offset=${Number(treeAt) * Number(hashBlock)}`;
  const verify = (rootHash: string) => run("veritysetup", "verify", live, live, rootHash, ...how.split(" "));
  verify(root!);
  expect(() => verify("0".repeat(64))).toThrow(/Verification of root hash failed/);
});

test("the session's check reads every stick with the image's own busybox as it does elsewhere", () => {
  const usr = join(liveFiles(), "usr");
  const said = STICKS.map((stick, i) => {
    const [mounted, problem] = [join(folder, `stick${i}`), join(folder, `problem${i}`)];
    fs.mkdirSync(mounted);
    layOut(stick, mounted, problem);
    const script = `"$0" "$1" "$2" || true`; // exit code 1 says that there is no piece
    const env = { PATH: join(usr, "bin") };
    const check = join(usr, "lib/fedac/check-piece");
    const line = runWith({ env }, join(usr, "bin/sh"), "-c", `sh ${script}`, check, mounted, problem);
    return line.trim().replace(/^(NOPIECE \S+) .*/, "$1");
  });
  expect(said).toEqual(STICKS.map(({ expected }) => expected));
});

test("the image is a disc as well, as long as the disk, with the ESP for UEFI to start", async () => {
  const said = run("xorriso", "-no_rc", "-indev", image, "-report_el_torito", "plain", "-find", "/");
  const head = new Uint8Array(fs.readFileSync(image).subarray(0, GPT_LENGTH));
  const esp = (await parseGpt(head, manifest.image.size))[0]!;
  expect(said).toMatch(/boot img : {3}1 {2}BIOS {2}y {3}none {2}0x0000 {2}0x00 {6}4 {10}32$/m);
  expect(said).toContain(`${esp.length / 512}        ${esp.start / 2048}\n`);
  expect(said).toMatch(/^'\/EFI\/[A-Z]+\/GRUB.CFG'$/m);
  expect(said).not.toMatch(/\.EFI'/); // or Rufus would offer to copy files instead of writing the image
  const etcher = await interact(image, 1, (files) => promisify(files.readdir)("/EFI/BOOT"));
  expect(etcher).toContain("BOOTX64.EFI");
  expect(run("isosize", image).trim()).toBe(String(manifest.image.size));
});

test("building again gives the same bytes", { timeout: BUILD_MS }, () => {
  const out = join(folder, "out");
  fs.mkdirSync(out);
  fs.symlinkSync(join(import.meta.dirname, "../out/cache"), join(out, "cache")); // the packages' files
  const epoch = String(Date.parse(manifest.created) / 1000);
  expect(buildTiny("x86_64", { BASE_OUT: out, SOURCE_DATE_EPOCH: epoch }).manifest).toEqual(manifest);
  fs.rmSync(out, { recursive: true });
});

test("GRUB shows the splash, from the disk it was started from", { timeout: BOOT_MS }, async () => {
  const disk = splice("own.img", { "splash.png": Buffer.from(SPLASH, "base64") });
  grubStays(disk);
  const screenshot = join(folder, "grub.png");
  const other = { image: disk, extraDisks: [image], timeoutSeconds: BOOT_SECONDS, screenshot };
  await bootImage({ ...other, until: /STANDING/ });
  const screen = await readPicture(screenshot);
  expect(pixelAt(screen, screen.width / 2, screen.height / 2)).toEqual(PINK);
  expect(pixelAt(screen, 0, 0)).toEqual(PINK); // stretched
});

test("GRUB shows the default, and goes on, when the splash is none", { timeout: BOOT_MS }, async () => {
  const disk = splice("broken.img", { "splash.png": Buffer.from(SPLASH, "base64").fill(0, 40) });
  grubStays(disk);
  const screenshot = join(folder, "default.png");
  await bootImage({ image: disk, until: /STANDING/, timeoutSeconds: BOOT_SECONDS, screenshot });
  const share = await inked(screenshot);
  expect(share).toBeGreaterThan(0.002); // two letters
  expect(share).toBeLessThan(0.1);
});

const WAYS = [
  ["uefi", "usb"],
  ["bios", "cdrom"],
  ["uefi", "cdrom"],
  ["bios", "usb"],
] as const;
test.each(ALL_WAYS ? WAYS : WAYS.slice(0, 2))(
  "by %s from %s an image with a piece says which and shows its splash",
  { timeout: BOOT_MS },
  async (firmware, medium) => {
    const { disk, line } = withPiece();
    const before = fs.statSync(disk).mtimeMs;
    const screenshot = join(folder, "splash.png");
    const options = {
      image: disk,
      firmware,
      medium,
      until: ANSWER,
      timeoutSeconds: BOOT_SECONDS,
      screenshot,
    };

    expect((await bootImage(options)).line).toBe(line);
    const screen = await readPicture(screenshot);
    expect(pixelAt(screen, screen.width / 2, screen.height / 2)).toEqual(PINK);
    expect(pixelAt(screen, 0, 0)).toEqual([0, 0, 0]); // a square is as high as the screen, not as wide
    expect(fs.statSync(disk).mtimeMs).toBe(before);
  },
);

test("the power button switches off", { timeout: BOOT_MS }, async () => {
  await withMachine({ image }, async (machine) => {
    await machine.line(ANSWER, BOOT_SECONDS);
    await machine.powerButton();
    expect(await machine.ended).toBe("QEMU ended with exit code 0");
  });
});

test("the image as it is built says what is missing", { timeout: BOOT_MS }, async () => {
  const screenshot = join(folder, "empty.png");
  const options = { image, until: ANSWER, timeoutSeconds: BOOT_SECONDS, screenshot };

  expect((await bootImage(options)).line).toBe(
    "NOPIECE no-filesystem there is no file system on FEDAC-PIECE",
  );
  const share = pageLetters(await readPicture(screenshot));
  expect(share).toBeGreaterThan(0.01);
  expect(share).toBeLessThan(0.2);
});

test("when the time is over, QEMU is gone", { timeout: BOOT_MS }, async () => {
  const never = bootImage({ image, until: /never/, timeoutSeconds: 2 });
  await expect(never).rejects.toThrow("nothing like /never/ on the serial console within 2 s");
  const children = fs.readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
  const names = children.filter(Boolean).map((pid) => fs.readFileSync(`/proc/${pid}/comm`, "utf8").trim());
  expect(names.filter((name) => name.startsWith("qemu") || name === "setpriv")).toEqual([]);
});

/** The files of FEDAC-LIVE, unpacked once. Throws on any complaint of unsquashfs. */
function liveFiles(): string {
  const files = join(folder, "live.files");
  if (!fs.existsSync(files)) run("unsquashfs", "-quiet", "-no-progress", "-dest", files, cut("live", 2));
  return files;
}

/** A partition of the image as a file of its own. */
function cut(name: string, number: number): string {
  const sectors = run("sgdisk", `--info=${number}`, image);
  const at = Number(/First sector: (\d+)/.exec(sectors)?.[1]) * 512;
  const end = (Number(/Last sector: (\d+)/.exec(sectors)?.[1]) + 1) * 512;
  const path = join(folder, name);
  fs.writeFileSync(path, fs.readFileSync(image).subarray(at, end));
  return path;
}

/** The image with a piece in it, made once, and the line that it must say. */
function withPiece(): { disk: string; line: string } {
  const bundle = Buffer.from("<!doctype html><title>a piece</title>\n".repeat(2000));
  const sha256 = sha256Of(bundle);
  spliced ??= splice("piece.img", {
    "piece.html": bundle,
    "os.json": formatOsJson({
      format: 1,
      piece: "@jeffrey/frog",
      size: bundle.length,
      sha256,
      base: "fedac-os tiny",
      allow: ["camera", "network"],
    }),
    "splash.png": Buffer.from(SPLASH, "base64"),
  });
  return { disk: spliced, line: `PIECE @jeffrey/frog ${sha256} ${bundle.length}` };
}

/** A copy of the image with an ext4 file system of `files`, made by somebody else's tool, in its piece partition. */
function splice(file: string, files: Record<string, string | Buffer>): string {
  const source = join(folder, "files");
  const partition = join(folder, "piece.ext4");
  const { start, length, label } = manifest.piecePartition;
  fs.rmSync(source, { recursive: true, force: true });
  fs.mkdirSync(source);
  for (const [name, bytes] of Object.entries(files)) fs.writeFileSync(join(source, name), bytes);
  run("mkfs.ext4", "-q", "-L", label, "-d", source, partition, String(length / 1024));
  const disk = fs.readFileSync(image);
  fs.readFileSync(partition).copy(disk, start);
  const path = join(folder, file);
  fs.writeFileSync(path, disk);
  return path;
}

/** Let GRUB say on the serial line that it would start the kernel now, and then wait. */
function grubStays(disk: string) {
  const esp = `${disk}@@${WINDOW}`;
  const path = run("mdir", "-b", "-/", "-i", esp, "::").match(/^.*\/grub\.cfg$/m)![0];
  const config = run("mcopy", "-i", esp, path, "-");
  const stays = 'serial --unit=0; terminal_output --append serial; echo "STANDING"; sleep 9999\n';
  const file = join(folder, "grub.cfg");
  fs.writeFileSync(file, config.replace(/^if linux/m, `${stays}$&`));
  run("mcopy", "-o", "-i", esp, file, path);
}

/** How much of a picture is light, from 0 to 1. */
async function inked(path: string): Promise<number> {
  const { pixels } = await readPicture(path);
  const reds = pixels.filter((_, i) => i % 3 === 0);
  return reds.filter((red) => red > 0x80).length / reds.length;
}
