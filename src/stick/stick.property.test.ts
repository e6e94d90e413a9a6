import fc from "fast-check";
import { expect, test } from "vitest";
import { StickError, StickFullError } from "../errors.ts";
import { formatOsJson, parseOsJson } from "../image/os-json.ts";
import type { Bytes } from "../bytes/segment.ts";
import { parseManifest, WINDOW } from "../release/manifest.ts";
import { pattern } from "../testing/bytes.ts";
import { LOST, MemoryStick, type StickFault } from "../testing/memory-stick.ts";
import { signManifest, testKey } from "../testing/sign.ts";
import { runOn } from "../testing/stick-fixture.ts";
import { sha256Of, TEST_RELEASE } from "../testing/test-base.ts";
import { carryOut } from "./carry-out.ts";
import { handleFolder } from "./handle-folder.ts";
import { parseStickConfig, pathOnStick, pieceFolder, PIECES, STICK_CFG, tokenFile } from "./layout.ts";
import { stepsToInstall, takeOff } from "./install.ts";
import { check, look } from "./look.ts";
import type { StickBase, StickPieceFiles } from "./plan.ts";

// Whatever happens to a stick while it is written, it starts what it did before or what it is to start now, or it is
// said what is wrong; and doing the same again makes it whole.

const RUNS = Number(process.env["STICK_RUNS"] ?? 1000);
const KEY = testKey(1);
/** More calls than installing on a stick takes. */
const CALLS = 150;
const never = new AbortController().signal;
const FIRMWARE = ["/EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT/grubx64.efi", "/EFI/debian/grub.cfg"];
const LENGTHS: Record<string, number> = { "/vmlinuz": 3000, "/initramfs.img": 2000, "/live.img": 20_000 };

/** Two releases, of which the firmware's part differs in one file only, as releases do. */
const bases = [1, 2].map((seed) => testStickBase(seed));
const pieces = ["notepat", "$cow"].map((name) => testPiece(name));

/** What a stick is before, what is to become of it, and what comes in between. */
interface Scenario {
  /** -1: another system's; 0: empty; 1, 2: ours, with that base and the first piece. */
  readonly before: -1 | 0 | 1 | 2;
  readonly base: 1 | 2;
  readonly piece: 0 | 1;
  readonly fault: StickFault | undefined;
  /** How many changes had not reached the stick when it was pulled out after all that. */
  readonly unwritten: number;
  readonly lost: readonly (typeof LOST)[number][];
  /** Whether all of ours is taken off after that, before it is put there once more. */
  readonly takesOff: boolean;
}

const arbitraryScenario: fc.Arbitrary<Scenario> = fc.record({
  before: fc.constantFrom(-1, 0, 1, 2),
  base: fc.constantFrom(1, 2),
  piece: fc.constantFrom(0, 1),
  fault: fc.option(
    fc.record({ kind: fc.constantFrom("gone", "full", "locked", "once"), call: fc.nat(CALLS) }),
    { nil: undefined, freq: 4 },
  ),
  unwritten: fc.oneof(fc.constant(0), fc.nat(30)),
  lost: fc.array(fc.constantFrom(...LOST), { minLength: 1, maxLength: 8 }),
  takesOff: fc.boolean(),
});

test(`${RUNS} random ways to fail: what was, what is to be, or words; and again makes it whole`, async () => {
  await fc.assert(fc.asyncProperty(arbitraryScenario, judge), { numRuns: RUNS });
}, 300_000);

test.each(["gone", "full"] as const)("%s at each call in turn", { timeout: 300_000 }, async (kind) => {
  for (const before of [-1, 1] as const) {
    for (let call = 0; call < CALLS; call++) {
      const fault = { kind, call };
      const takesOff = call % 2 === 0;
      await judge({ before, base: 2, piece: 1, fault, unwritten: 0, lost: ["empty"], takesOff });
    }
  }
});

test("a stick without the room says so before anything of ours starts", async () => {
  const stick = new MemoryStick(15_000);
  await expect(install(stick, bases[0]!, pieces[0]!)).rejects.toBeInstanceOf(StickFullError);
  expect([...stick.files.keys()]).toEqual([]);
});

test("doing the same again writes nothing", async () => {
  const stick = new MemoryStick();
  await install(stick, bases[0]!, pieces[0]!);
  const written = await install(stick, bases[0]!, pieces[0]!);
  expect(written).toBe(0);
  expect(await install(stick, bases[0]!, pieces[1]!)).toBeLessThan(1500); // another piece, and stick.cfg
});

async function judge(scenario: Scenario): Promise<void> {
  const stick = new MemoryStick();
  const holiday = pattern(777, 5);
  stick.put("/holiday.txt", holiday);
  if (scenario.before === -1) {
    stick.put("/efi/boot/bootx64.efi", pattern(999, 7));
    stick.put("/EFI/BOOT/mmx64.efi", pattern(99, 8));
  } else if (scenario.before > 0) await install(stick, bases[scenario.before - 1]!, pieces[0]!);
  stick.eject();
  const before = starts(stick);
  const base = bases[scenario.base - 1]!;
  const piece = pieces[scenario.piece]!;
  const wanted = `${base.manifest.version} ${piece.folder}`;

  if (scenario.fault) stick.fault = { ...scenario.fault, call: stick.calls + scenario.fault.call };
  const error = await install(stick, base, piece).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error !== undefined) expect(error).toBeInstanceOf(Error);
  if (error !== undefined && !(error instanceof StickFullError)) expect(error).toBeInstanceOf(StickError);
  if (scenario.unwritten > 0) stick.pullOut(scenario.unwritten, scenario.lost);
  else stick.eject();

  // The file of another system is lost if the stick is pulled out before its copy has reached it, and after ours has
  const original = sha256Of(pattern(999, 7));
  const isKept = ["", "/fedac/before"].some((where) => {
    const bytes = stick.at(`${where}/EFI/BOOT/BOOTX64.EFI`);
    return bytes !== undefined && sha256Of(bytes) === original;
  });
  const after = starts(stick);
  if (error === undefined && scenario.unwritten === 0) expect(after).toBe(wanted);
  if (after !== before && after !== wanted) expect(await problems(stick)).not.toEqual([]);

  if (scenario.takesOff) {
    const refused = await takeOff(runOn(stick)).catch((thrown: unknown) => thrown);
    if (refused !== undefined) expect((refused as Error).message).toMatch(/put it there again first/);
    else expect([...stick.files.keys()].filter((path) => path.startsWith("/fedac"))).toEqual([]);
    if (scenario.unwritten === 0) expect(refused).toBeUndefined();
  }

  await install(stick, base, piece);
  expect(starts(stick)).toBe(wanted);
  expect(await problems(stick)).toEqual([]);
  const paths = [...stick.files.keys()];
  expect(
    paths.filter((path) => path.startsWith("/fedac/systems/") && path.endsWith("/live.img")),
  ).toHaveLength(1);

  await takeOff(runOn(stick));
  const left = [...stick.files].map(([path, bytes]) => [path.toLowerCase(), sha256Of(bytes)]);
  const foreign: [string, Bytes][] =
    scenario.before === -1
      ? [
          ...(isKept ? [["/efi/boot/bootx64.efi", pattern(999, 7)] as [string, Bytes]] : []),
          ["/efi/boot/mmx64.efi", pattern(99, 8)],
        ]
      : [];
  const expected = [["/holiday.txt", holiday] as [string, Bytes], ...foreign].map(([path, bytes]) => [
    path,
    sha256Of(bytes),
  ]);
  expect(new Map(left as [string, string][])).toEqual(new Map(expected as [string, string][]));
}

/** As the page and the command line do it. Returns how many bytes were written. */
async function install(
  stick: MemoryStick,
  base: StickBase & { image: Bytes },
  piece: StickPieceFiles,
): Promise<number> {
  const folder = handleFolder(stick.handle);
  const request = { base, pieces: [piece], starts: piece.folder, replace: true, readBase: true };
  const steps = await stepsToInstall(request, { folder, keys: [KEY.publicKey] });
  let written = 0;
  await carryOut(steps, {
    folder,
    readBase: async function* (start, length) {
      for (let at = start; at < start + length; at += 4096) {
        yield base.image.slice(at, Math.min(at + 4096, start + length));
      }
    },
    onProgress: (progress) => (written = progress.written),
    stop: never,
  });
  return written;
}

async function problems(stick: MemoryStick): Promise<string[]> {
  const folder = handleFolder(stick.handle);
  return await check(folder, await look(folder, [KEY.publicKey]), () => {}, never);
}

/** What a computer would start from the stick: firmware, shim, GRUB with our grub.cfg, initramfs, session. */
function starts(stick: MemoryStick): string {
  const first = stick.at(FIRMWARE[0]!);
  if (!first) return "nothing";
  const isOurs = (path: string) => {
    const bytes = stick.at(path);
    return bytes !== undefined && bases.some((base) => sameAs(base, path, bytes));
  };
  if (!isOurs(FIRMWARE[0]!))
    return sha256Of(first) === sha256Of(pattern(999, 7)) ? "another system" : "broken";
  if (!FIRMWARE.every(isOurs)) return "broken";
  const config = parseStickConfig(new TextDecoder().decode(stick.at(STICK_CFG) ?? new Uint8Array(0)));
  if (!config || !stick.at(tokenFile(config.token))) return "broken";
  const base = bases.find(
    ({ manifest }) => pathOnStick(manifest, "/x") === `/fedac/systems/${config.system}/x`,
  );
  if (!base) return "broken";
  const system = base.manifest.files.filter(({ path }) => !path.startsWith("/EFI/"));
  if (
    !system.every(({ path }) => {
      const bytes = stick.at(pathOnStick(base.manifest, path));
      return bytes !== undefined && sameAs(base, path, bytes);
    })
  )
    return "broken";
  const html = stick.at(`${PIECES}/${config.folder}/piece.html`);
  const json = stick.at(`${PIECES}/${config.folder}/os.json`);
  try {
    const os = parseOsJson(new TextDecoder().decode(json));
    if (html && html.length === os.size && sha256Of(html) === os.sha256)
      return `${base.manifest.version} ${config.folder}`;
  } catch {
    // not an os.json
  }
  return "broken";
}

function sameAs({ manifest }: StickBase, path: string, bytes: Bytes): boolean {
  return manifest.files.some((file) => file.path === path && file.sha256 === sha256Of(bytes));
}

function testStickBase(seed: number): StickBase & { image: Bytes } {
  const image = pattern(60_000, seed);
  image.copyWithin(8000, 0, 0);
  image.set(pattern(4000, 3), 4096); // BOOTX64.EFI and grubx64.efi are the same in both
  let start = 4096;
  const files = [...FIRMWARE, ...Object.keys(LENGTHS)].map((path) => {
    const length = LENGTHS[path] ?? 1000;
    const file = { path, start, length, sha256: sha256Of(image.subarray(start, start + length)) };
    start += Math.ceil(length / 2048) * 2048;
    return file;
  });
  const json = {
    ...TEST_RELEASE,
    version: `2026.1.${seed}`,
    image: { url: "base.img", size: 9 * 1024 * 1024, sha256: sha256Of(image) },
    piecePartition: { start: WINDOW, length: WINDOW, label: "FEDAC-PIECE" },
    digests: [sha256Of(image), "zeros", sha256Of(image)],
    files,
    sha256State: { words: sha256Of(image), length: WINDOW },
  };
  const manifest = parseManifest(json);
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  return { manifest, bytes, signature: signManifest(manifest, KEY), image };
}

function testPiece(name: string): StickPieceFiles {
  const html = new TextEncoder().encode(`<!doctype html><title>${name}</title>`);
  const os = formatOsJson({
    format: 1,
    piece: name,
    size: html.length,
    sha256: sha256Of(html),
    base: "test",
    allow: [],
  });
  const files = [
    { path: "piece.html", content: html },
    { path: "os.json", content: new TextEncoder().encode(os) },
    { path: "splash.png", content: pattern(300, 4) },
  ];
  return { piece: name, folder: pieceFolder(name, [{ sha256: sha256Of(html) }]), files, blank: [] };
}
