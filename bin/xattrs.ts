import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Bytes } from "../src/ext4/segment.ts";
import { decodeText } from "../src/ext4/text.ts";
import { XATTR_INDEX } from "../src/ext4/xattr.ts";

/** The extended attributes of all that is in a folder. */
export interface FileXattrs {
  /** Those of one path in it ("/" is itself), as `getxattr` gives them. */
  of(path: string): Readonly<Record<string, Bytes>> | undefined;
  /** A sentence for each thing that could not be read, or that ext4 cannot store. */
  readonly left: readonly string[];
}

/** All attributes, in hexadecimal, of everything below the folder it runs in, without following links. */
const GETFATTR = [
  "--dump",
  "--match=-",
  "--encoding=hex",
  "--no-dereference",
  "--recursive",
  "--physical",
  ".",
];

/**
 * Read the extended attributes below `folder`, access control lists and capabilities among them, by the tool getfattr:
 * Node has no call for them. Never throws: without the tool, `left` says so.
 */
export async function readXattrs(folder: string): Promise<FileXattrs> {
  const all = new Map<string, Record<string, Bytes>>();
  const unknown = new Set<string>();
  const left: string[] = [];
  try {
    const { stdout, complaint } = await getfattr(folder);
    for (const [path, name, value] of parse(stdout)) {
      if (!isStorable(name)) {
        unknown.add(name);
        continue;
      }
      const known = all.get(path);
      if (known) known[name] = value;
      else all.set(path, { [name]: value });
    }
    if (complaint !== "") left.push(`some extended attributes are left out: ${complaint}`);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).errno === -constants.errno.ENOENT;
    const why = isMissing
      ? "the tool getfattr, which reads them, is not installed (Debian: apt install attr)"
      : (error as Error).message;
    left.push(`extended attributes and access control lists are left out: ${why}`);
  }
  if (unknown.size > 0) {
    left.push(`ext4 cannot store some extended attributes, which are left out: ${[...unknown].join(", ")}`);
  }
  return { of: (path) => all.get(path), left };
}

/**
 * The attributes in what getfattr prints: "# file: PATH" and then a line of NAME=0xHEX for each. In paths and names it
 * writes line breaks, "\" and "=" as "\" and three octal digits.
 */
function* parse(printed: Buffer): Generator<[path: string, name: string, value: Bytes]> {
  let path = "";
  for (const line of printed.toString("latin1").split("\n")) {
    if (line.startsWith("# file: ")) {
      const inside = text(line.slice("# file: ".length));
      path = inside === "." ? "/" : inside.replace(/^\.\//, "");
      continue;
    }
    const [, name, hex] = /^([^=]+)=0x([0-9a-f]*)$/.exec(line) ?? [];
    if (name !== undefined && hex !== undefined)
      yield [path, text(name), new Uint8Array(Buffer.from(hex, "hex"))];
  }
}

function text(printed: string): string {
  const bytes = printed.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return decodeText(Buffer.from(bytes, "latin1"));
}

function isStorable(name: string): boolean {
  return Object.keys(XATTR_INDEX).some((known) =>
    known.endsWith(".") ? name.startsWith(known) : name === known,
  );
}

/** What the tool prints, and the first thing that it complains of. Rejects when it cannot be started or is ended. */
async function getfattr(folder: string): Promise<{ stdout: Buffer; complaint: string }> {
  const tool = spawn("getfattr", GETFATTR, {
    cwd: folder,
    env: { ...process.env, LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  tool.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  tool.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  return await new Promise((resolve, reject) => {
    tool.once("error", reject);
    tool.once("close", (code, signal) => {
      if (signal !== null) {
        reject(new Error(`getfattr was ended by ${signal}`));
        return;
      }
      const [first = ""] = Buffer.concat(stderr).toString().split("\n");
      resolve({ stdout: Buffer.concat(stdout), complaint: code === 0 ? "" : first || `exit code ${code}` });
    });
  });
}
