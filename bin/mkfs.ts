import { randomUUID } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { chunksOrHoles } from "../src/ext4/chunks.ts";
import { plan, segments, type Entry, type FilesystemOptions } from "../src/ext4/filesystem.ts";
import type { Bytes } from "../src/bytes/segment.ts";
import { UsageError, understand } from "./errors.ts";
import { writeWhole } from "./output.ts";
import { systemReason } from "./reason.ts";
import { print } from "./terminal.ts";

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
  const planned = plan(await entriesOf(folder), options);
  await writeWhole(values.out, chunksOrHoles(segments(planned)));
  print(`${values.out}: ${options.size} bytes, UUID ${options.uuid}`);
}

/** What is in a folder, with modes, times and symbolic links; owners are root, as on a stick they should. */
async function entriesOf(folder: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  const firstNames = new Map<string, string>(); // of files with several names, by inode
  const visit = async (file: string, inside: string): Promise<void> => {
    const stats = await lstat(file, { bigint: true });
    const attributes = { mode: Number(stats.mode & 0o7777n), mtime: stats.mtimeNs };
    if (stats.isDirectory()) {
      entries.push({ kind: "directory", path: inside || "/", ...attributes });
      for (const name of await readdir(file)) {
        await visit(path.join(file, name), inside ? `${inside}/${name}` : name);
      }
    } else if (stats.isSymbolicLink()) {
      entries.push({ kind: "symlink", path: inside, target: await readlink(file), ...attributes });
    } else if (stats.isFile()) {
      const inode = `${stats.dev}:${stats.ino}`;
      const first = firstNames.get(inode);
      if (stats.nlink > 1n && first !== undefined) {
        entries.push({ kind: "link", path: inside, target: first });
        return;
      }
      firstNames.set(inode, inside);
      const length = Number(stats.size);
      const open = () => createReadStream(file, { highWaterMark: 2 ** 20 }) as AsyncIterable<Bytes>;
      entries.push({ path: inside, content: { length, open }, ...attributes });
    } else {
      throw new RangeError(`${file} is neither a file, a folder nor a symbolic link`);
    }
  };
  try {
    const stats: Stats = await lstat(folder);
    if (!stats.isDirectory()) throw new RangeError(`${folder} is not a folder`);
    await visit(folder, "");
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw new RangeError(`${folder} cannot be read: ${systemReason(error)}`, { cause: error });
  }
  return entries;
}

function bytes(text: string): number {
  const [, digits, unit] = /^(\d{1,12})([KMG]?)$/i.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`"${text}" is not a size like 20M`);
  return Number(digits) * (UNITS[unit?.toUpperCase() ?? ""] ?? 1);
}

function seconds(text: string | undefined): number {
  if (text === undefined) return Math.floor(Date.now() / 1000);
  if (!/^\d{1,11}$/.test(text)) throw new UsageError(`"${text}" is not a time in seconds since 1970`);
  return Number(text);
}
