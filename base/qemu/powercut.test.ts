import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lengthOf } from "../../src/bytes/segment.ts";
import { planPartition } from "../../src/image/plan.ts";
import { blankFiles } from "../../src/image/blank-files.ts";
import {
  formatSettings,
  parseSettings,
  type SealedSettings,
  settingsFile,
  SETTINGS_JSON,
} from "../../src/settings/settings.ts";
import { pattern } from "../../src/testing/bytes.ts";
import { Random } from "../../src/testing/fuzz/mutate.ts";
import { run, runForBytes } from "../../src/testing/tools.ts";
import { ALL_WAYS } from "./boot.ts";
import { makeFatStick } from "./fat-stick.ts";
import { type Medium, withMachine } from "./machine.ts";
import { BUILD_MS, buildTiny, fileOfTiny, type Tiny } from "./tiny.ts";
import { cutPower, readWriteLog, type Write } from "./write-log.ts";

// The power is cut at random moments while a kiosk writes on its stick, its logs and its settings. QEMU logs what the machine sends to the disk while the
// kiosk's own keep-log runs again and again, on what the initramfs has mounted; each moment of that log is one at which the power
// can go, with what a disk makes of writes that it has not flushed (write-log.ts). A machine that is killed would lose nothing: what
// has reached this computer's memory gets to the file.
//
// The machine has the kernel and the initramfs of the tiny base, which are the kiosk's, and the programs of the computer that runs
// this, which stand for those in the kiosk's root.

const BOOT_SECONDS = 400;
const MS = 900_000;
const CUTS = 50;
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

const SECTOR = 512;
const MIB = 1024 * 1024;
const FEDAC = join(import.meta.dirname, "../kiosk/rootfs/usr/lib/fedac");
const PROGRAMS =
  "cat cp chmod chown dd echo filefrag head mkdir mktemp mount mv printf rm seq sh sleep stat sync tail tr umount yes";
const TOKEN = "0123456789abcdef";
const html = pattern(900_000);
/** What whoever has a stick of FAT has on it beside. */
const holiday = pattern(3_000_000, 2);

const work = fs.mkdtempSync(join(tmpdir(), "powercut-"));
const [vmlinuz, initramfs] = [join(work, "vmlinuz"), join(work, "initramfs.img")];
let tiny: Tiny;

beforeAll(() => {
  if (!ALL_WAYS) return;
  tiny = buildTiny();
  fs.writeFileSync(vmlinuz, fileOfTiny(tiny, "/vmlinuz"));
  fs.writeFileSync(initramfs, Buffer.concat([fileOfTiny(tiny, "/initramfs.img"), addition()]));
}, BUILD_MS);
afterAll(() => fs.rmSync(work, { recursive: true }));

/** Media, and what they have for a memory that loses what is in it: a disk is told to flush it, a stick is not. */
const DISKS: readonly (readonly [Medium, number])[] = [
  ["sata", 64 * MIB],
  ["usb", 4 * MIB],
];

describe.runIf(ALL_WAYS)("a machine whose power is cut while it keeps logs and settings", () => {
  test.each(DISKS)("an image on %s is whole", { timeout: MS }, async (medium, cache) => {
    const image = join(work, `image-${medium}.img`);
    fs.copyFileSync(tiny.image, image);
    const { start, length } = tiny.manifest.piecePartition;
    const { segments } = await planPartition(tiny.manifest, {
      pieces: [{ name: "frog", html }],
      settings: set(0),
    });
    const disk = fs.openSync(image, "r+");
    let at = start;
    for (const segment of segments) {
      if (segment.kind === "bytes") fs.writeSync(disk, segment.bytes, 0, segment.bytes.length, at);
      else if (segment.kind !== "zeros") throw new Error("a stream");
      at += lengthOf(segment);
    }
    fs.closeSync(disk);
    const before = new Map(["piece.html", "os.json", "splash.png"].map((name) => [name, inside(name)]));
    function inside(name: string): string {
      return runForBytes("debugfs", "-R", `cat ${name}`, `${image}?offset=${start}`).toString("hex");
    }
    expect(before.get("piece.html")).toBe(Buffer.from(html).toString("hex"));
    const live = /unique GUID: (\S+)/.exec(run("sgdisk", "--info=2", image))![1]!.toLowerCase();
    const uuid = /^Filesystem UUID:\s+(\S+)$/m.exec(run("dumpe2fs", "-h", `${image}?offset=${start}`))![1];
    const logged = await record(image, medium, `live=PARTUUID=${live} piece=UUID=${uuid}`);

    const mine = KEPT.flatMap((path) =>
      run("debugfs", "-R", `blocks ${path}`, `${image}?offset=${start}`)
        .trim()
        .split(/\s+/)
        .map((block) => [start / SECTOR + Number(block) * 2, 2] as const),
    );
    cuts(logged, cache, (cut) => {
      const partition = join(work, "partition.img");
      run(
        "dd",
        `if=${cut}`,
        `of=${partition}`,
        "bs=1M",
        `skip=${start / MIB}`,
        `count=${length / MIB}`,
        "status=none",
      );
      const said = run("e2fsck", "-fn", partition);
      expect(said).toMatch(/^Pass 1: .*\nPass 2: .*\nPass 3: .*\nPass 4: .*\nPass 5: .*\n.*files .*\n$/);
      for (const [name, bytes] of before)
        expect(runForBytes("debugfs", "-R", `cat ${name}`, partition).toString("hex") === bytes).toBe(true);
      return KEPT.map((path) => runForBytes("debugfs", "-R", `cat ${path}`, partition).toString("latin1"));
    });
    onlyWithin(logged.writes, mine);
  });

  test.each(DISKS)("files on a stick with FAT, on %s, are whole", { timeout: MS }, async (medium, cache) => {
    const folder = join(work, `stick-${medium}`);
    const [system, piece] = ["fedac/systems/tiny", "fedac/pieces/frog"];
    for (const each of [system, piece]) fs.mkdirSync(join(folder, each), { recursive: true });
    const files: Record<string, Uint8Array> = {
      [`${system}/live.img`]: ofPartition(2),
      [`fedac/stick-${TOKEN}`]: new Uint8Array([10]),
      [`${piece}/piece.html`]: html,
      [`${piece}/os.json`]: pattern(300),
      "holiday.jpg": holiday,
    };
    const blank = blankFiles([]).map(({ path, content }) => [`${piece}/${path}`, content] as const);
    const all = [
      ...Object.entries(files),
      ...blank,
      [`${piece}/${SETTINGS_JSON}`, settingsFile(set(0))] as const,
    ];
    for (const [name, bytes] of all) fs.writeFileSync(join(folder, name), bytes);
    const image = join(work, `stick-${medium}.img`);
    makeFatStick(image, folder, { mib: 300, serial: "1234ABCD" });
    const start = 1; // MiB
    const args = `stick=1234-ABCD/${TOKEN}/${system} piece=DIR=frog`;
    const logged = await record(image, medium, args);

    // Clusters, by mtools, as "<2-513> <600>"; the first sector of them by the boot sector (Microsoft's FAT specification, 3.1)
    const boot = runForBytes(
      "dd",
      `if=${image}`,
      "bs=512",
      `skip=${(start * MIB) / SECTOR}`,
      "count=1",
      "status=none",
    );
    const perCluster = boot.readUInt8(13);
    const data = (start * MIB) / SECTOR + boot.readUInt16LE(14) + boot.readUInt8(16) * boot.readUInt32LE(36);
    const mine = KEPT.flatMap((path) =>
      [...run("mshowfat", "-i", `${image}@@1M`, `::/${piece}/${path}`).matchAll(/<(\d+)(?:-(\d+))?>/g)].map(
        ([, first, last = first]) =>
          [data + (Number(first) - 2) * perCluster, (Number(last) - Number(first) + 1) * perCluster] as const,
      ),
    );
    cuts(logged, cache, (cut) => {
      const partition = join(work, "partition.fat");
      run("dd", `if=${cut}`, `of=${partition}`, "bs=1M", `skip=${start}`, "conv=sparse", "status=none");
      expect(run("fsck.vfat", "-n", partition)).toMatch(/^fsck.fat .*\n.*: \d+ files, \d+\/\d+ clusters\n$/);
      const read = (name: string) => runForBytes("mtype", "-i", partition, `::/${name}`);
      for (const [name, bytes] of Object.entries(files)) expect(read(name).equals(bytes)).toBe(true);
      return KEPT.map((path) => read(`${piece}/${path}`).toString("latin1"));
    });
    onlyWithin(logged.writes, mine);
  });
});

/** What the machine overwrites. */
const KEPT = ["kiosk.log", "kiosk.log.1", SETTINGS_JSON];
/** How often it does. */
const [BOOTS, WRITES] = [3, 3];

/** Settings of several sectors, as somebody has set them for the nth time. */
function set(nth: number): SealedSettings {
  const wifi = Array.from({ length: 6 }, (_, i) => {
    const passphrase = `${nth} ${"correct horse ".repeat(4)}`;
    return { ssid: `network ${i}`, security: "wpa3", passphrase, hidden: false } as const;
  });
  return { random: "00112233445566778899aabbccddeeff", wifi, volume: nth };
}

/** A line of `JOURNAL`, and what is left of one at the ends of a log and where it is torn. */
const LINE = /^[a-z0-9 ]*$/;

/** Cut the power again and again; `look` looks at the disk, and returns what the machine overwrites: `KEPT`. */
function cuts(
  logged: Awaited<ReturnType<typeof record>>,
  cache: number,
  look: (image: string) => string[],
): void {
  const image = join(work, "cut.img");
  for (let i = 0; i < CUTS; i++) {
    const random = new Random("powercut", SEED, i);
    // The first one comes when all is done: what a disk that flushes has been given is on it for good
    const isLast = i === 0 && logged.flushes;
    const { sent, kept, sectors } = cutPower(
      { ...logged, cache },
      image,
      random,
      isLast ? logged.writes.length : undefined,
    );
    try {
      const texts = look(image);
      const settings = texts.pop() ?? "";
      for (const log of texts) expect(log.split("\n").filter((line) => !LINE.test(line))).toEqual([]);
      const { settings: found, complaints } = parseSettings(settings);
      expect(settings.length).toBe(settingsFile().length);
      // A disk that flushes has what was set last, or what was set before: all of one of them. Another may have lost part of both
      if (logged.flushes) expect([found, complaints]).toEqual([set(found.volume ?? -1), []]);
      else expect(complaints.length).toBeLessThan(10);
      if (isLast) {
        expect([sent, found.volume]).toEqual([kept, BOOTS * WRITES]);
        expect(texts.map((log) => log.trimEnd().split("\n").at(-1))).toEqual(
          [BOOTS, BOOTS - 1].map((boot) => lastLine(boot)),
        );
      }
    } catch (cause) {
      const where = `after ${sent} of ${logged.writes.length} writes, ${kept} for good, ${sectors} sectors of the rest`;
      throw new Error(`SEED=${SEED}, cut ${i}: ${where}`, { cause });
    }
  }
}

/** Throws unless all that was written lies in these runs of sectors, whatever the moment of a cut. */
function onlyWithin(
  writes: readonly Write[],
  runs: readonly (readonly [start: number, length: number])[],
): void {
  const mine = new Set(runs.flatMap(([start, length]) => Array.from({ length }, (_, i) => start + i)));
  const elsewhere = writes.filter(({ start, length }) =>
    Array.from({ length }, (_, i) => start + i).some((sector) => !mine.has(sector)),
  );
  expect(writes.filter(({ length }) => length > 0).length).toBeGreaterThan(10);
  expect(elsewhere.map(({ start, length }) => `${length} sectors from ${start} on`)).toEqual([]);
}

/** Have a machine keep logs on the disk for three boots, as the kiosk does, and all that it writes. */
async function record(image: string, medium: Medium, args: string) {
  const [log, before] = [`${image}.log`, `${image}.before`];
  run("cp", "--sparse=always", "--reflink=auto", image, before);
  fs.writeFileSync(log, "");
  fs.truncateSync(log, 256 * MIB);
  const options = {
    image,
    medium,
    writes: true,
    writeLog: log,
    memory: 512,
    cores: 1,
    firmware: "bios" as const,
    kernel: {
      file: vmlinuz,
      initrd: initramfs,
      args: `${args} console=ttyS0,115200 quiet loglevel=3 fbcon=map:9 no_timer_check`,
    },
  };
  await withMachine(options, async (machine) => {
    expect(await machine.line(/^POWERCUT .*$/m, BOOT_SECONDS)).toMatch(/^POWERCUT done/);
  });
  const writes = readWriteLog(log);
  if (medium === "sata") expect(writes.some(({ flush }) => flush)).toBe(true);
  return { before, log, writes, flushes: writes.some(({ flush }) => flush) };
}

/** In the journal's place: a log that grows, also beyond what is kept of it. */
const JOURNAL = `#!/bin/sh
read -r boot write < /run/written
exec seq -f "boot $boot write $write line %g of what has happened so far" $((write * write * 1000))
`;
/** The last one that a boot has in its log. */
function lastLine(boot: number): string {
  return `boot ${boot} write ${WRITES} line ${WRITES * WRITES * 1000} of what has happened so far`;
}
const SCRIPT = `#!/bin/sh
export PATH=/powercut/bin
cd /
{
  mkdir -p /run/fedac/control
  set=0
  for boot in $(seq ${BOOTS}); do
    rm -rf /run/fedac/log
    for write in $(seq ${WRITES}); do
      echo "$boot $write" > /run/written
      set=$((set + 1))
      cp /powercut/settings/$set.json /run/fedac/control/settings.json
      /usr/lib/fedac/keep-log || { echo "POWERCUT keep-log failed" > /dev/ttyS0; break 2; }
    done
  done
} 2> /dev/ttyS0
echo "POWERCUT done" > /dev/ttyS0
while :; do sleep 1000; done
`;

/** What is laid over the initramfs, as a cpio of its own: its init, which at the end starts that script instead of a session. */
function addition(): Buffer {
  const tree = join(work, "addition");
  const write = (path: string, text: string) => {
    fs.mkdirSync(dirname(join(tree, path)), { recursive: true });
    fs.writeFileSync(join(tree, path), text, { mode: 0o755 });
  };
  const init = fs.readFileSync(join(import.meta.dirname, "../boot/initramfs/init"), "utf8");
  const last = "exec switch_root /root /sbin/init\n";
  expect(init.endsWith(last)).toBe(true);
  write(
    "init",
    `${init.slice(0, -last.length)}mkdir -p /root/tmp\ncp -a /over/. /root/\nln -sf /powercut/bin/sh /root/bin/sh\nexec switch_root /root /bin/sh /powercut/boots\n`,
  );
  write("over/powercut/boots", SCRIPT);
  for (let nth = 1; nth <= BOOTS * WRITES; nth++)
    write(`over/powercut/settings/${nth}.json`, formatSettings(set(nth)));
  write("over/powercut/bin/journalctl", JOURNAL);
  for (const name of fs.readdirSync(FEDAC).filter((each) => /^(keep-log|overwrite)$/.test(each)))
    write(`over/usr/lib/fedac/${name}`, fs.readFileSync(join(FEDAC, name), "utf8"));
  for (const program of PROGRAMS.split(" ")) {
    const file = run("sh", "-c", `PATH=$PATH:/usr/sbin command -v ${program} || :`).trim();
    const path = fs.existsSync(file) ? file : join("/usr/bin", program);
    fs.copyFileSync(fs.realpathSync(path), join(tree, "over/powercut/bin", program));
    for (const [library] of run("ldd", path).matchAll(/\/\S+(?= \(0x)/g)) {
      const place = join(tree, "over/usr", library.replace(/^\/usr/, "")); // /lib and /lib64 are links to there
      fs.mkdirSync(dirname(place), { recursive: true });
      fs.copyFileSync(fs.realpathSync(library), place);
    }
  }
  const cpio = execFileSync("sh", ["-c", "find . -print0 | cpio --quiet -0 -o -H newc --owner=0:0"], {
    cwd: tree,
    maxBuffer: 256 * MIB,
  });
  // The kernel wants each to begin at a multiple of four bytes
  const odd = fileOfTiny(tiny, "/initramfs.img").length % 4;
  return Buffer.concat([Buffer.alloc(odd === 0 ? 0 : 4 - odd), cpio]);
}

function ofPartition(number: number): Buffer {
  const [, start, end] = run("sgdisk", `--info=${number}`, tiny.image).match(
    /First sector: (\d+)[^]*?Last sector: (\d+)/,
  )!;
  return slice(tiny.image, Number(start) * SECTOR, (Number(end) - Number(start) + 1) * SECTOR);
}

function slice(file: string, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const from = fs.openSync(file, "r");
  fs.readSync(from, bytes, 0, length, start);
  fs.closeSync(from);
  return bytes;
}
