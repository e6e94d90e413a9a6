import { fail, UsageError } from "./errors.ts";

const USAGE = `os: turn an Aesthetic Computer piece into an operating system

  npm run -s os -- build <piece> [--manifest URL-or-path] [--oven URL] [--bundle FILE] [--splash FILE]
                                 [--flavor NAME] [--key KEY]... [--patience SECONDS] [--out FILE]
      Make <piece>-os.iso, as the browser would. A KEY is a minisign public key that may have signed the manifest.

  npm run -s os -- mkfs --out IMAGE --size 20M [--label L] [--uuid U] [--time EPOCH] [--block-size N] DIR
      Make an ext4 file system of that size with what is in DIR: mke2fs -d for where there is none.

  npm run -s os -- inspect FILE
      Say what is in an image: partitions, piece, base version.

  npm run -s os -- doctor URL [--piece NAME]
      Say whether the site at URL can build: its files, base images and oven, looked at from outside.

Exit codes: 0 done, 1 failed (with one line on standard error), 2 not understood.
`;

const [name, ...args] = process.argv.slice(2);
try {
  if (name === "build") await (await import("./build.ts")).build(args);
  else if (name === "mkfs") await (await import("./mkfs.ts")).mkfs(args);
  else if (name === "inspect") await (await import("./inspect.ts")).inspect(args);
  else if (name === "doctor") await (await import("./doctor.ts")).doctor(args);
  else if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    process.stdout.write(USAGE);
  } else throw new UsageError(`"${name}" is not one of build, mkfs, inspect, doctor`);
} catch (error) {
  fail(error);
}
