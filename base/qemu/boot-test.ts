import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bootImage, LASTING_ANSWER, oneOf, positiveInteger } from "./boot.ts";
import { type Arch, ARCHES } from "./computers.ts";
import { ACCELERATORS, type Firmware, MEDIA, type Medium } from "./machine.ts";
import { difference, type Picture, readPicture } from "./picture.ts";
import { VARIANTS, type Variant, vary } from "./variants.ts";

const USUAL: Record<Arch, readonly string[]> = {
  x86_64: ["uefi-usb", "uefi-cdrom", "bios-usb", "bios-cdrom", "secure-usb"],
  aarch64: ["uefi-usb", "uefi-cdrom", "secure-usb"],
};

const USAGE = `usage: base/qemu/boot-test IMAGE [OPTION]...
  --arch ARCH          what it is for: ${ARCHES.join(" or ")}; default ${ARCHES[0]}
  --way WAY            how it is started, can be repeated; default ${USUAL.x86_64.join(", ")};
                       of aarch64 ${USUAL.aarch64.join(", ")}.
                       uefi, bios or secure, then ${MEDIA.filter((each) => each !== "sd").join(", ")};
                       http and pxe are over a network and by UEFI alone, "pxe" is uefi-pxe; lan is for classroom.sh;
                       or pi-sd, a Raspberry Pi 3 (for images that need no more than 1 GiB of memory)
  --variant VARIANT    what has become of the image: ${VARIANTS.join(", ")}, or all; default whole
  --repeat N           start each this many times
  --expect PICTURE     a PNG that the screen must look like, where the piece is to be seen
  --tolerance SHARE    how different it may be, from 0 to 1; default 0.1
  --settle SECONDS     how long to wait after the line before the screenshot
  --screens FOLDER     where the screenshots go; default boot-test in the current directory
  --timeout SECONDS    give up on a start after this; default 900
  --memory MIB, --cores N, --accel kvm`;

interface Way {
  readonly name: string;
  readonly firmware: Firmware;
  readonly medium: Medium;
  readonly secureBoot: boolean;
}

interface Row {
  readonly way: string;
  readonly variant: Variant;
  readonly run: number;
  readonly seconds: number | undefined;
  /** Nothing when it went well. */
  readonly problem: string;
  readonly line: string;
}

async function main(args: string[]): Promise<void> {
  const options = parse(args);
  const folder = await mkdtemp(join(tmpdir(), "boot-test-"));
  const rows: Row[] = [];
  try {
    await mkdir(options.screens, { recursive: true });
    const expected = options.expect === undefined ? undefined : await readPicture(options.expect);
    for (const variant of options.variants) {
      const varied = await vary(options.image, variant, folder);
      for (const way of options.ways) {
        for (let run = 1; run <= options.repeat; run++) {
          const suffix = options.repeat > 1 ? `-${run}` : "";
          const screenshot = join(options.screens, `${way.name}-${variant}${suffix}.png`);
          const { image, extraDisks } = varied;
          const machine = {
            ...options.machine,
            ...way,
            image,
            extraDisks,
            screenshot,
            until: LASTING_ANSWER,
          };
          const booted = await bootImage(machine).catch((error: Error) => error);
          const row = { way: way.name, variant, run };
          if (booted instanceof Error) {
            rows.push({ ...row, seconds: undefined, problem: booted.message, line: "" });
          } else {
            const line = booted.line.trim();
            let problem = line.startsWith(varied.expected) ? "" : `"${varied.expected}…" was expected`;
            if (problem === "" && expected && line.startsWith("PIECE ")) {
              problem = await mismatch(expected, screenshot, options.tolerance);
            }
            rows.push({ ...row, seconds: booted.seconds, problem, line });
          }
          const last = rows.at(-1)!;
          const verdict = last.problem === "" ? "ok" : `WRONG: ${last.problem}`;
          console.error(
            `${way.name} ${variant} ${run}: ${seconds(last)} s, ${last.line || "no line"}, ${verdict}`,
          );
        }
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  report(rows);
  const wrong = rows.filter(({ problem }) => problem !== "").length;
  console.log(
    `\n${rows.length - wrong} of ${rows.length} as expected; the screens are in ${options.screens}`,
  );
  if (wrong > 0) process.exitCode = 1;
}

async function mismatch(expected: Picture, screenshot: string, tolerance: number): Promise<string> {
  const apart = difference(expected, await readPicture(screenshot));
  return apart <= tolerance ? "" : `the screen differs by ${apart.toFixed(3)}, more than ${tolerance}`;
}

/** One line for each way and variant, with the seconds of every run. */
function report(rows: readonly Row[]): void {
  const keys = [...new Set(rows.map(({ way, variant }) => `${way} ${variant}`))];
  const table = keys.map((key) => {
    const [way = "", variant = ""] = key.split(" ");
    const runs = rows.filter((row) => row.way === way && row.variant === variant);
    const wrong = runs.filter(({ problem }) => problem !== "").length;
    const said = [...new Set(runs.map(({ line }) => line.split(" ").slice(0, 2).join(" ")))].join(" / ");
    return [way, variant, wrong === 0 ? "ok" : `${wrong} WRONG`, runs.map(seconds).join(" "), said];
  });
  const all = [["started", "image", "", "seconds", "said"], ...table];
  const widths = all[0]!.map((_, i) => Math.max(...all.map((cells) => cells[i]!.length)));
  console.log();
  for (const cells of all)
    console.log(
      cells
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    );
}

function seconds(row: Row): string {
  return row.seconds === undefined ? "–" : row.seconds.toFixed(1);
}

function parse(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      arch: { type: "string", default: "x86_64" },
      way: { type: "string", multiple: true },
      variant: { type: "string", multiple: true, default: ["whole"] },
      repeat: { type: "string", default: "1" },
      expect: { type: "string" },
      tolerance: { type: "string", default: "0.1" },
      settle: { type: "string", default: "0" },
      screens: { type: "string", default: "boot-test" },
      timeout: { type: "string", default: "900" },
      memory: { type: "string", default: "768" },
      cores: { type: "string", default: "2" },
      accel: { type: "string", default: "tcg" },
    },
  });
  const [image, ...more] = positionals;
  if (image === undefined || more.length > 0) throw new Error(USAGE);
  const arch = oneOf(values.arch, ARCHES);
  return {
    image,
    ways: (values.way ?? USUAL[arch]).map(wayOf),
    variants: values.variant.includes("all") ? VARIANTS : values.variant.map((word) => oneOf(word, VARIANTS)),
    repeat: positiveInteger(values.repeat),
    expect: values.expect,
    tolerance: share(values.tolerance),
    screens: values.screens,
    machine: {
      arch,
      settleSeconds: values.settle === "0" ? 0 : positiveInteger(values.settle),
      timeoutSeconds: positiveInteger(values.timeout),
      memory: positiveInteger(values.memory),
      cores: positiveInteger(values.cores),
      accel: oneOf(values.accel, ACCELERATORS),
    },
  };
}

function wayOf(name: string): Way {
  const [first = "", ...rest] = (name === "pxe" ? "uefi-pxe" : name).split("-");
  const firmware = oneOf(first, ["uefi", "bios", "secure", "pi"]);
  const medium = oneOf(rest.join("-"), MEDIA);
  if ((firmware === "pi") !== (medium === "sd"))
    throw new Error(`"${name}": a Raspberry Pi starts from sd, and nothing else does`);
  return {
    name,
    firmware: firmware === "secure" ? "uefi" : firmware,
    medium,
    secureBoot: firmware === "secure",
  };
}

function share(word: string): number {
  const number = Number(word);
  if (!(number >= 0 && number <= 1)) throw new Error(`"${word}" is not a number from 0 to 1`);
  return number;
}

if (process.argv[1] === import.meta.filename) {
  await main(process.argv.slice(2)).catch((error: Error) => {
    console.error(`boot-test: ${error.message}`);
    process.exitCode = 1;
  });
}
