import { describe, expect, test } from "vitest";
import type { Bytes } from "../bytes/segment.ts";
import { StickError } from "../errors.ts";
import { formatOsJson } from "../image/os-json.ts";
import { blankFiles } from "../image/blank-files.ts";
import { pieceFiles } from "../image/plan.ts";
import { sealSettings } from "../settings/seal.ts";
import { pattern } from "../testing/bytes.ts";
import { MemoryStick } from "../testing/memory-stick.ts";
import { anotherVersion, putOn, runOn, suppliesOf, testPiece } from "../testing/stick-fixture.ts";
import { sha256Of, testBase } from "../testing/test-base.ts";
import { install, removePiece, startPiece, takeOff } from "./install.ts";
import { PIECE_NAMES, pieceFolder } from "./layout.ts";
import { look } from "./look.ts";
import { survey } from "./survey.ts";

// What is on a stick and not ours, and what somebody has put there to look like ours.

const base = await testBase();
const piece = testPiece("notepat");
const other = testPiece("drift");
const BOOT = "/EFI/BOOT/BOOTX64.EFI";
const GRUB_CFG = "/EFI/debian/grub.cfg";
const photo = pattern(777, 5);
const windows = pattern(999, 7);
const ubuntu = pattern(888, 8);

/** Paths in lower case, and what is there. */
const all = (stick: MemoryStick) =>
  new Map([...stick.files].map(([path, bytes]) => [path.toLowerCase(), sha256Of(bytes)]));
const stickWith = (files: Readonly<Record<string, Bytes>>) => {
  const stick = new MemoryStick();
  for (const [path, bytes] of Object.entries(files)) stick.put(path, bytes);
  return stick;
};
const only = (files: Readonly<Record<string, Bytes>>) => all(stickWith(files));
const inBase = (path: string, { image, manifest } = base) => {
  const { start, length } = manifest.files.find((file) => file.path === path)!;
  return image.slice(start, start + length);
};

describe("a person's files in our folders", () => {
  const theirs = {
    "/fedac/pieces/holiday/photo.jpg": photo,
    "/fedac/systems/holiday/photo.jpg": photo,
    "/fedac/systems/holiday/2026/photo.jpg": photo,
    "/fedac/before/photo.jpg": photo,
    "/fedac/photo.jpg": photo,
  };

  test("stay when ours come and go, and are no pieces", async () => {
    const stick = stickWith(theirs);
    await putOn(stick, base, piece);
    const { pieces, systems, problems } = await look(runOn(stick).folder, runOn(stick).keys);
    expect([pieces.length, systems.length, problems]).toEqual([1, 1, []]);
    await takeOff(runOn(stick));
    expect(all(stick)).toEqual(only(theirs));
  });

  test("stay in the folder of a piece that is removed, or of a base that is renewed", async () => {
    const stick = new MemoryStick();
    await putOn(stick, base, piece);
    const [system = ""] = (await look(runOn(stick).folder, runOn(stick).keys)).systems.map(
      (each) => each.folder,
    );
    const kept = [`/fedac/pieces/${piece.folder}/photo.jpg`, `/fedac/systems/${system}/photo.jpg`];
    for (const path of kept) stick.put(path, photo);
    await putOn(stick, anotherVersion(base, base.manifest.files), other);
    await removePiece(piece.folder, runOn(stick));
    for (const path of kept) expect(stick.at(path)).toEqual(photo);
    expect([...stick.files.keys()].filter((path) => path.includes(system))).toEqual([kept[1]]);
    await takeOff(runOn(stick));
    expect([...stick.files.keys()]).toHaveLength(2);
  });

  test("are not a piece's because an os.json there says so", async () => {
    const os = formatOsJson({
      format: 1,
      piece: "notepat",
      size: 1,
      sha256: "0".repeat(64),
      base: "x",
      allow: [],
    });
    const stick = stickWith({
      "/fedac/pieces/photos/os.json": new TextEncoder().encode(os),
      "/fedac/pieces/photos/photo.jpg": photo,
    });
    await putOn(stick, base, piece);
    expect(stick.at("/fedac/pieces/photos/photo.jpg")).toEqual(photo);
  });

  test.each(["/EFI", "/fedac", "/fedac/systems", "/fedac/before"])("a file called %s stays", async (path) => {
    const stick = stickWith({ [path]: photo });
    await putOn(stick, base, piece).catch((error: unknown) => {
      expect(error).toBeInstanceOf(StickError);
      expect((error as Error).message).toMatch(/is in the way/);
    });
    await takeOff(runOn(stick)).catch(() => {});
    expect(stick.at(path)).toEqual(photo);
  });

  test.each(["/fedac/stick.cfg", BOOT, GRUB_CFG])(
    "a folder called %s stays, with what is in it",
    async (path) => {
      const stick = stickWith({ [`${path}/photo.jpg`]: photo });
      await expect(putOn(stick, base, piece)).rejects.toThrow(/is in the way/);
      await takeOff(runOn(stick));
      expect(all(stick)).toEqual(only({ [`${path}/photo.jpg`]: photo }));
    },
  );
});

describe("another system", () => {
  test("whose files are the same as ours has them back", async () => {
    const debian = {
      [BOOT]: inBase(BOOT),
      "/EFI/BOOT/grubx64.efi": inBase("/EFI/BOOT/grubx64.efi"),
      [GRUB_CFG]: windows,
    };
    const stick = stickWith(debian);
    await putOn(stick, base, piece, { replace: true });
    await takeOff(runOn(stick));
    expect(all(stick)).toEqual(only(debian));
  });

  test("in a place that only an older base of ours took has its file back", async () => {
    const stick = stickWith({ [GRUB_CFG]: windows });
    await putOn(stick, base, piece, { replace: true });
    const files = base.manifest.files.filter(({ path }) => path !== GRUB_CFG);
    await putOn(stick, anotherVersion(base, files), piece);
    await takeOff(runOn(stick));
    expect(all(stick)).toEqual(only({ [GRUB_CFG]: windows }));
  });

  test("that has come in our place is not overwritten by what was there before", async () => {
    const stick = stickWith({ [BOOT]: windows });
    await putOn(stick, base, piece, { replace: true });
    stick.put(BOOT, ubuntu);
    await takeOff(runOn(stick));
    expect(stick.at(BOOT)).toEqual(ubuntu);
    expect(stick.at(`/fedac/before${BOOT}`)).toEqual(windows);
  });

  test("that was kept once is kept when a second one is", async () => {
    const stick = stickWith({ [BOOT]: windows });
    await putOn(stick, base, piece, { replace: true });
    stick.put(BOOT, ubuntu);
    await putOn(stick, base, piece, { replace: true });
    await putOn(stick, base, other);
    await takeOff(runOn(stick));
    expect(stick.at(BOOT)).toEqual(ubuntu);
    expect(stick.at(`/fedac/before-1${BOOT}`)).toEqual(windows);
  });
});

describe("what is damaged", () => {
  test("of what firmware starts is ours still, and is repaired", async () => {
    const stick = stickWith({ [BOOT]: windows });
    await putOn(stick, base, piece, { replace: true });
    const damaged = inBase(BOOT);
    damaged.fill(7, 600, 700);
    stick.put(BOOT, damaged);
    const run = runOn(stick);
    expect((await survey(run.folder, run.keys, base.manifest)).other).toBeUndefined();
    await install(
      { ...suppliesOf(base), pieces: [], starts: piece.folder, replace: false, readBase: true },
      run,
    );
    expect(stick.at(BOOT)).toEqual(inBase(BOOT));
    await takeOff(run);
    expect(all(stick)).toEqual(only({ [BOOT]: windows }));
  });

  test("in stick.cfg leaves no second token behind", async () => {
    const stick = new MemoryStick();
    await putOn(stick, base, piece);
    stick.put("/fedac/stick.cfg", photo);
    await putOn(stick, base, piece);
    await takeOff(runOn(stick));
    expect([...stick.files.keys()]).toEqual([]);
  });

  test("in the base that starts, with another one beside it, is not guessed at", async () => {
    const stick = new MemoryStick();
    await putOn(stick, base, piece);
    const before = stick.files;
    const files = base.manifest.files.map((file) =>
      file.path === GRUB_CFG
        ? { ...file, length: 500, sha256: sha256Of(inBase(GRUB_CFG).subarray(0, 500)) }
        : file,
    );
    await putOn(stick, anotherVersion(base, files), piece);
    for (const [path, bytes] of before) if (path.startsWith("/fedac/systems")) stick.put(path, bytes);
    const started = [...stick.files.keys()].find((path) => /2026\.1\.2.*manifest\.json$/.test(path))!;
    stick.put(started, photo);
    await expect(takeOff(runOn(stick))).rejects.toThrow(/put it there again first/);
    expect(stick.at(BOOT)).toEqual(inBase(BOOT));
  });

  test("what a browser that broke off has left of its own beside our files goes with them", async () => {
    const stick = new MemoryStick();
    await putOn(stick, base, piece);
    const live = [...stick.files.keys()].find((path) => path.endsWith("/live.img"))!;
    for (const path of [`${live}.crswap`, `${BOOT}.crswap`, `/fedac/pieces/${piece.folder}/._piece.html`]) {
      stick.put(path, photo);
    }
    await takeOff(runOn(stick));
    expect([...stick.files.keys()]).toEqual([]);
  });

  test("a piece whose folder GRUB could not be told of is no reason to fail", async () => {
    const stick = stickWith({ "/fedac/pieces/a b; halt/os.json": photo, "/fedac/pieces/a/os.json": photo });
    await putOn(stick, base, piece);
    await putOn(stick, base, other);
    await expect(startPiece("a b; halt", runOn(stick))).rejects.toThrow(StickError);
    await expect(startPiece("a", runOn(stick))).rejects.toThrow(StickError);
    await removePiece(other.folder, runOn(stick)); // the one that starts
    expect((await look(runOn(stick).folder, runOn(stick).keys)).config?.folder).toBe(piece.folder);
  });
});

test("a base that has gone leaves nothing of it where firmware looks", async () => {
  const stick = new MemoryStick();
  await putOn(stick, base, piece);
  const files = base.manifest.files.filter(({ path }) => path !== GRUB_CFG);
  await putOn(stick, anotherVersion(base, files), piece);
  expect(stick.at(GRUB_CFG)).toBeUndefined();
});

test("a copy that never reached the stick keeps ours from nothing", async () => {
  const stick = stickWith({ [BOOT]: windows });
  await putOn(stick, base, piece, { replace: true });
  stick.put(`/fedac/before${BOOT}`, new Uint8Array(windows.length));
  await takeOff(runOn(stick));
  expect([...stick.files.keys()]).toEqual([]);
});

test("what was begun and not finished is taken off too", async () => {
  const stick = stickWith({ [BOOT]: windows });
  const steps = stick.calls;
  for (const call of [30, 60, 90, 120]) {
    stick.fault = { kind: "full", call: steps + call };
    await putOn(stick, base, piece, { replace: true }).catch(() => {});
    stick.eject();
    await takeOff(runOn(stick));
    expect(all(stick)).toEqual(only({ [BOOT]: windows }));
  }
});

test("thousands of names, long and odd ones, are nobody's", async () => {
  const names = Array.from(
    { length: 3000 },
    (_, i) => `/fedac/pieces/${"x".repeat(200)}\u001b[31m${i}/a.txt`,
  );
  const stick = stickWith(Object.fromEntries(names.map((name) => [name, photo])));
  await putOn(stick, base, piece);
  await takeOff(runOn(stick));
  expect(stick.files.size).toBe(3000);
});

test("with a piece goes all that was put there, its settings first", async () => {
  const settings = await sealSettings({ wifi: [{ ssid: "home", security: "open", hidden: false }] });
  const html = new TextEncoder().encode("<!doctype html>");
  const files = await pieceFiles(base.manifest, {
    pieces: [{ name: "notepat", html }],
    by: "@jeffrey",
    settings,
  });
  expect(files).toHaveLength(4);
  const stick = new MemoryStick();
  const folder = pieceFolder("notepat", files);
  await putOn(stick, base, { piece: "notepat", folder, files, blank: blankFiles(files) });
  const at = (name: string) => stick.at(`/fedac/pieces/${folder}/${name}`);
  expect(new TextDecoder().decode(at("settings.json"))).toContain("home");
  expect(blankFiles(files).map(({ path }) => at(path)?.length)).toEqual([262_144, 262_144]);
  await takeOff(runOn(stick));
  expect([...stick.files.keys()]).toEqual([]);
  expect(PIECE_NAMES[0]).toBe("settings.json");
});

test("what a machine has written beside a piece stays when the piece is put there once more", async () => {
  const stick = new MemoryStick();
  const withBlank = { ...piece, blank: blankFiles(piece.files) };
  await putOn(stick, base, withBlank);
  const at = (name: string) => `/fedac/pieces/${piece.folder}/${name}`;
  const settings = stick.at(at("settings.json"));
  expect([settings?.length, new TextDecoder().decode(settings).trim()]).toEqual([16_384, ""]);
  stick.put(at("settings.json"), pattern(16_384, 3));
  stick.put(at("kiosk.log"), pattern(262_144, 4));
  stick.put(at("kiosk.log.1"), pattern(1000, 5)); // as older kiosks have made it: it is as long as all others then
  await putOn(stick, base, withBlank);
  expect(stick.at(at("settings.json"))).toEqual(pattern(16_384, 3));
  expect(stick.at(at("kiosk.log"))).toEqual(pattern(262_144, 4));
  expect(stick.at(at("kiosk.log.1"))?.length).toBe(262_144);
});
