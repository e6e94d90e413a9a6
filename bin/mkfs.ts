import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { chunksOrHoles } from "../src/ext4/chunks.ts";
import { plan, segments, type FilesystemOptions } from "../src/ext4/filesystem.ts";
import { UsageError, understand } from "./errors.ts";
import { entriesOf, type Owner } from "./folder.ts";
import { writeWhole } from "./output.ts";
import { print, printError } from "./terminal.ts";

const UNITS: Record<string, number> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/**
 * `os mkfs`: an ext4 image of a folder, as `mke2fs -d` makes one, anywhere and without root. Throws `UsageError`,
 * `RangeError` for a folder that cannot be read or does not fit, and `SaveError`.
 */
export async function mkfs(args: string[]): Promise<void> {
  const { values, positionals } = understand(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        out: { type: "string" },
        size: { type: "string" },
        label: { type: "string" },
        uuid: { type: "string" },
        time: { type: "string" },
        "block-size": { type: "string" },
        owner: { type: "string", default: "0:0" },
      },
    }),
  );
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) throw new UsageError("name one folder to put into the image");
  if (values.out === undefined) throw new UsageError("say where the image goes: --out IMAGE");
  if (values.size === undefined) throw new UsageError("say how large the image is: --size 20M");

  const options: FilesystemOptions = {
    size: bytes(values.size),
    label: values.label ?? "",
    uuid: values.uuid ?? randomUUID(),
    time: seconds(values.time ?? process.env["SOURCE_DATE_EPOCH"]),
    ...(values["block-size"] === undefined
      ? {}
      : { blockSize: bytes(values["block-size"]) as 1024 | 2048 | 4096 }),
  };
  const { entries, left } = await entriesOf(folder, ownerOf(values.owner));
  const planned = plan(entries, options);
  for (const each of left) printError(`os: ${each}`);
  await writeWhole(values.out, chunksOrHoles(segments(planned)));
  print(`${values.out}: ${options.size} bytes, UUID ${options.uuid}`);
}

function bytes(text: string): number {
  const [, digits, unit] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`"${text}" is not a size like 20M`);
  return Number(digits) * (UNITS[unit?.toUpperCase() ?? ""] ?? 1);
}

/** Numbers, since names are those of this machine. */
function ownerOf(text: string): Owner {
  if (text === "keep") return text;
  const [, uid, gid = uid] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? [];
  if (uid === undefined) throw new UsageError(`--owner takes keep, or numbers like 1000:1000, not "${text}"`);
  return { uid: Number(uid), gid: Number(gid) };
}

function seconds(text: string | undefined): number {
  if (text === undefined) return Math.floor(Date.now() / 1000);
  if (!/^\d{1,11}$/.test(text)) throw new UsageError(`"${text}" is not a time in seconds since 1970`);
  return Number(text);
}
