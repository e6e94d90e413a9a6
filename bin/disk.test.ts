import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { lookAtDisk, type System } from "./disk.ts";

const root = mkdtempSync(path.join(tmpdir(), "os-disk-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = root;
let system: System;
beforeEach(() => {
  folder = mkdtempSync(path.join(root, "run-"));
  system = { platform: "linux", sys: path.join(folder, "sys"), proc: path.join(folder, "proc") };
  put({
    "proc/self/mountinfo":
      "22 27 0:21 / /proc rw,relatime - proc proc rw\n27 1 254:0 / / rw - ext4 /dev/vda rw\n",
    "proc/swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
  });
});

function put(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
}

const USB = "sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb";
/** The disk 8:16 at `place`, with two partitions, as Linux shows it. */
function disk(place: string, files: Record<string, string> = {}): void {
  const its = {
    dev: "8:16\n",
    removable: "0\n",
    ro: "0\n",
    "queue/logical_block_size": "512\n",
    "device/vendor": "SanDisk \n",
    "device/model": "Ultra Fit       \n",
    "sdb1/dev": "8:17\n",
    "sdb1/partition": "1\n",
    "sdb2/dev": "259:3\n",
    "sdb2/partition": "2\n",
    "power/control": "on\n",
    ...files,
  };
  put(Object.fromEntries(Object.entries(its).map(([name, text]) => [`${place}/${name}`, text])));
  mkdirSync(path.join(folder, "sys/dev/block"), { recursive: true });
  symlinkSync(path.join(folder, place), path.join(folder, "sys/dev/block/8:16"));
  symlinkSync(path.join(folder, place, "sdb1"), path.join(folder, "sys/dev/block/8:17"));
}
const look = () => lookAtDisk("/dev/sdb", 0x810, system);

test("a stick on USB can be pulled out, whatever it says of itself", () => {
  disk(USB);
  expect(look()).toEqual({
    name: "sdb",
    model: "SanDisk Ultra Fit",
    isRemovable: true,
    isReadOnly: false,
    sectorSize: 512,
    uses: [],
  });
});

test.each<[string, string, Record<string, string>, boolean]>([
  ["a disk of the computer", "sys/devices/pci0000:00/0000:00:17.0/ata1/host0/block/sdb", {}, false],
  [
    "a card in a reader",
    "sys/devices/pci0000:00/0000:00:17.0/ata1/host0/block/sdb",
    { removable: "1\n" },
    true,
  ],
  ["an SD card", "sys/devices/platform/mmc_host/mmc0/mmc0:aaaa/block/sdb", { "device/type": "SD\n" }, true],
  [
    "built-in memory",
    "sys/devices/platform/mmc_host/mmc0/mmc0:0001/block/sdb",
    { "device/type": "MMC\n" },
    false,
  ],
])("%s", (_, place, files, isRemovable) => {
  disk(place, files);
  expect(look().isRemovable).toBe(isRemovable);
});

test("write protection and sectors of another size are seen", () => {
  disk(USB, { ro: "1\n", "queue/logical_block_size": "4096\n" });
  expect(look()).toMatchObject({ isReadOnly: true, sectorSize: 4096 });
});

test.each<[string, Record<string, string>, string[]]>([
  [
    "the disk",
    { "proc/self/mountinfo": "9 1 8:16 / /mnt rw - vfat /dev/sdb rw\n" },
    ["it is mounted on /mnt"],
  ],
  [
    "its partitions, by number and with spaces",
    {
      "proc/self/mountinfo":
        "9 1 8:17 / /media/my\\040stick rw shared:1 master:2 - vfat x rw\n9 1 259:3 / /b rw - ext4 y rw\n9 1 8:1 / /c rw - ext4 /dev/sda1 rw\n",
    },
    ["it is mounted on /media/my stick", "it is mounted on /b"],
  ],
  [
    "btrfs, by name",
    { "proc/self/mountinfo": "9 1 0:44 / /b rw - btrfs /dev/sdb2 rw\n" },
    ["it is mounted on /b"],
  ],
  [
    "swap",
    { "proc/swaps": "Filename Type\n/dev/sdb1   partition 1 0 -2\n/dev/sda1 partition\n" },
    ["/dev/sdb1 is swap"],
  ],
  ["encryption", { [`${USB}/sdb2/holders/dm-0/dev`]: "253:0\n" }, ["dm-0 lies on it"]],
  ["RAID", { [`${USB}/holders/md127/dev`]: "9:127\n" }, ["md127 lies on it"]],
])("what is in use: %s", (_, files, uses) => {
  disk(USB);
  put(files);
  expect(look().uses).toEqual(uses);
});

test("a partition is not a disk; other systems do not say enough", () => {
  disk(USB);
  expect(() => lookAtDisk("/dev/sdb1", 0x811, system)).toThrow(
    "/dev/sdb1 is a partition of sdb: name the whole device, /dev/sdb",
  );
  expect(() => lookAtDisk("/dev/disk2", 0x810, { ...system, platform: "darwin" })).toThrow(
    /\/dev\/disk2 is a disk, and whether it is in use .* is only known on Linux/,
  );
  expect(() => lookAtDisk("/dev/sdz", 0x890, system)).toThrow(
    /What the system knows of this disk cannot be read/,
  );
});
