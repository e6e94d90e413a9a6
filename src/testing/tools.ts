import { spawnSync } from "node:child_process";

/** What a tool is given beside its arguments. */
export interface ToolOptions {
  /** Its standard input. Default: none. */
  readonly input?: string | Uint8Array;
  /** Variables beside those of this process. `LC_ALL` is C and `TZ` is UTC unless they are given here. */
  readonly env?: Readonly<Record<string, string>>;
  /** The folder it runs in. Default: that of this process. */
  readonly cwd?: string;
}

/** Where Debian and Ubuntu have the tools whose package has another name. */
const PACKAGES: Readonly<Record<string, string>> = {
  "7z": "p7zip-full",
  cmp: "diffutils",
  debugfs: "e2fsprogs",
  dumpe2fs: "e2fsprogs",
  e2fsck: "e2fsprogs",
  fallocate: "util-linux",
  "fsck.vfat": "dosfstools",
  getfattr: "attr",
  "grub-fstest": "grub-common",
  isosize: "util-linux",
  mcopy: "mtools",
  mdir: "mtools",
  mke2fs: "e2fsprogs",
  "mkfs.ext4": "e2fsprogs",
  "mkfs.vfat": "dosfstools",
  resize2fs: "e2fsprogs",
  sgdisk: "gdisk",
  umount: "mount",
  unsquashfs: "squashfs-tools",
  veritysetup: "cryptsetup-bin",
};

/**
 * Run a tool and return its standard output as text. Throws an `Error` with everything it said when it does not exit
 * with 0, and one that names the package to install when it is missing.
 */
export function run(tool: string, ...args: readonly string[]): string {
  return runWith({}, tool, ...args);
}

/** `run` with an input, variables or a folder. */
export function runWith(options: ToolOptions, tool: string, ...args: readonly string[]): string {
  return spawned(options, tool, args).toString();
}

/** `run` for output that is not text. */
export function runForBytes(tool: string, ...args: readonly string[]): Buffer<ArrayBuffer> {
  return spawned({}, tool, args);
}

function spawned({ input, env, cwd }: ToolOptions, tool: string, args: readonly string[]) {
  const { error, status, signal, stdout, stderr } = spawnSync(tool, args, {
    input: input ?? "",
    cwd,
    // Debian keeps the tools for file systems in /sbin, which is not in every user's PATH.
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`, LC_ALL: "C", TZ: "UTC", ...env },
    maxBuffer: 512 * 1024 * 1024,
  });
  if (error && "code" in error && error.code === "ENOENT") {
    throw new Error(`${tool} not found: apt install ${PACKAGES[tool] ?? tool}`, { cause: error });
  }
  if (error) throw error;
  if (status !== 0) {
    const how = signal === null ? `exit code ${status}` : `ended by ${signal}`;
    throw new Error([`${[tool, ...args].join(" ")}: ${how}`, stderr, stdout].join("\n").trim());
  }
  return Buffer.from(stdout);
}
