import { CancelledError } from "../src/errors.ts";
import { endIt, withWhatIsLeft } from "./cancel.ts";
import { fail, UsageError } from "./errors.ts";
import { print, watchOutput } from "./terminal.ts";

/** What each command takes and does, and what does it. */
const COMMANDS: Record<string, { usage: string; run: (args: string[]) => Promise<void> }> = {
  build: {
    usage: `build <piece>... [--manifest URL-or-path] [--oven URL] [--bundle FILE]... [--splash FILE]
                                 [--flavor NAME] [--version VERSION] [--arch pc|arm] [--key KEY]... [--start PIECE|menu]
                                 [--allow [PIECE=]camera,microphone,midi,network,sysex]... [--by @HANDLE]
                                 [--settings FILE] [--patience SECONDS] [--from FILE | --only-piece] [--out FILE]
      Make <piece>-os.iso, as the browser would; with --arch arm <piece>-os-arm.img, for a Raspberry Pi or ARM with UEFI,
      and beside it what Raspberry Pi Imager verifies it by. A KEY is a minisign public key that may have signed the manifest.
      Several pieces go into one image, as <piece>+1-os.iso: its machine begins with a menu of them, or with --start.
      --bundle: a page from a file, for each piece in their order. A piece may use what --allow says of the computer that
      it starts, every piece or the one that is named, and nothing of it otherwise. --by: the image says who has built it,
      on the splash that is made for it and in os.json. --settings: a JSON file with wifi, country, keyboard, timeZone,
      rotation, scale, volume, output, locked (README.md). The image then holds what joins those networks: keep it to yourself.
      What an image or a stick, --from FILE, has of the base is taken from there, and only the rest is fetched; without
      --arch the new one is for the same kind of computer.
      --only-piece: the piece partition alone, <piece>-piece.img, for "put".`,
    run: async (args) => await (await import("./build.ts")).build(args),
  },
  stick: {
    usage: `stick DIR [<piece>...] [the options of build but --out] [--start PIECE] [--replace] [--repair]
                        [--check | --remove PIECE | --take-off] [--any-file-system]
      Put pieces, and the base that starts them, as files onto the stick that is mounted on DIR; what is on it stays.
      Without pieces say what is there; --check reads every byte, and --repair, when pieces are put there, every byte of
      the base, to write again what is damaged. --replace: another system on it may give way; it comes back when ours
      is taken off.`,
    run: async (args) => await (await import("./stick.ts")).stick(args),
  },
  put: {
    usage: `put FILE DEVICE [--yes] [--any-disk]
      Write an image to a stick, or a piece partition (build --only-piece) into a stick or image that has one of its
      length, and read it back. A disk that is in use is refused, and one that is not made to be pulled out, unless
      --any-disk is said. Before an image takes the place of what is there it asks; --yes: it may. The partition table is
      written last, and stays that of the image on a larger disk. DEVICE can be a file; disks, on Linux alone.`,
    run: async (args) => await (await import("./put.ts")).put(args),
  },
  repair: {
    usage: `repair FILE|DEVICE [--check] [--manifest URL-or-path] [--flavor NAME] [--version VERSION] [--arch pc|arm] [--key KEY]...
                        [--patience SECONDS]
      Verify an image, or a stick that has one, against the signed manifest of the base that it says it was made from,
      fetch what is wrong, and only that, and write it in place; --check only looks. The piece stays as it is: nothing
      signed describes it, and whether it is whole is said.`,
    run: async (args) => await (await import("./repair.ts")).repair(args),
  },
  mkfs: {
    usage: `mkfs --out IMAGE --size 20M [--label L] [--uuid U] [--time EPOCH] [--block-size N] [--owner UID:GID] DIR
      Make an ext4 file system of that size with what is in DIR: mke2fs -d for where there is none. Names, holes, modes,
      times, hard links and extended attributes are kept. All belongs to root, to --owner, or with --owner keep to whom
      it belongs in DIR.`,
    run: async (args) => await (await import("./mkfs.ts")).mkfs(args),
  },
  inspect: {
    usage: `inspect FILE
      Say what is in an image, or on a stick that is named by its device: partitions, piece, base version.`,
    run: async (args) => await (await import("./inspect.ts")).inspect(args),
  },
  log: {
    usage: `log FILE|DEVICE|DIR
      Show what the kiosk has kept of its last two starts: from an image, a stick (its device), a piece partition, or the
      folder in which a stick with files is mounted.`,
    run: async (args) => await (await import("./log.ts")).log(args),
  },
  serve: {
    usage: `serve FILE [--address ADDRESS] [--port 8080] [--with-passphrases] [--dnsmasq FOLDER]
      Serve an image to computers that start over a network: by UEFI HTTP boot from an address that a page says, or by PXE.
      ADDRESS is the one of this computer's that it is to be reached by; all of them otherwise. Computers that
      are in no local network are refused, and an image that holds passphrases is, unless --with-passphrases is said:
      everybody in the network can read it. --dnsmasq: instead, put what goes over TFTP into FOLDER, and print a configuration for dnsmasq,
      which then tells the computers of the network, beside its own DHCP server, what to start from.`,
    run: async (args) => await (await import("./serve.ts")).serve(args),
  },
  doctor: {
    usage: `doctor URL [--piece NAME]
      Say whether the site at URL can build: its files, base images and oven, looked at from outside.`,
    run: async (args) => await (await import("./doctor.ts")).doctor(args),
  },
};

const [name = "help", ...args] = process.argv.slice(2);
const subject = name === "help" ? (args[0] ?? "") : name;
const command = Object.hasOwn(COMMANDS, subject) ? COMMANDS[subject] : undefined;
const asksForHelp = name === "help" || [name, ...args].some((word) => word === "--help" || word === "-h");
watchOutput();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => {
    if (!endIt()) fail(new CancelledError(withWhatIsLeft(`The ${name} was cancelled`)));
  });
}
try {
  if (asksForHelp)
    help(command ? [subject] : Object.keys(COMMANDS))
      .split("\n")
      .forEach(print);
  else if (command) await command.run(args);
  else throw new UsageError(`"${name}" is not one of ${Object.keys(COMMANDS).join(", ")}`);
} catch (error) {
  fail(error);
}

function help(names: string[]): string {
  return `os: turn an Aesthetic Computer piece into an operating system

${names.map((each) => `  npm run -s os -- ${COMMANDS[each]?.usage}\n`).join("\n")}
FILE of --out appears whole or not at all. A symbolic link there is followed, and a file there is replaced and keeps its mode.
Exit codes: 0 done, 1 failed (with one line on standard error), 2 not understood.`;
}
