import type { Allowance } from "../allowances.ts";
import { type ARCHITECTURES, USUAL_ARCH } from "../architectures.ts";
import type {
  ImageInfo,
  ImageProgress,
  ImageView,
  PageInfo,
  StickJob,
  StickView,
  Trouble,
} from "../messages.ts";
import { duration, size, thousands } from "./text.ts";

/** A word for a kind of computer. */
export type Machine = (typeof ARCHITECTURES)[number]["word"];

/**
 * All that the piece says. ASCII, as the typeface is; short and in lower case, as AC speaks. For another language,
 * translate this. What fails is explained in whole sentences, of which most come from `src/errors.ts`.
 */
export const words = {
  title: (piece: string) => `${piece} os`,
  desc: (piece: string) =>
    `Turn ${piece || "any piece"} into an operating system: a disk image, built in your browser.`,
  loading: "loading...",
  noPage: "the part of os that builds images did not load. check your connection and reload the page.",

  choose: "choose a piece",
  choosing: {
    pc: "a computer will boot straight to it.",
    arm: "a Raspberry Pi, or a computer with ARM, will boot straight to it.",
  } satisfies Record<Machine, string>,
  typing: "type a name, or pick one. arrows move, space picks, delete erases.",
  kidlisp: 'for KidLisp, type "os $cow" at the prompt.',
  recent: "built lately",
  mark: "+",

  /** To build for another kind of computer. */
  machine: {
    change: {
      pc: ["for a PC instead", "for a PC"],
      arm: ["for Raspberry Pi or ARM", "for ARM"],
    } satisfies Record<Machine, readonly [string, string]>,
  },

  /** Several pieces on one stick. */
  several: {
    hint: 'for several on one stick, mark them: a comma, or the "+".',
    marking: "space marks, tab builds what is marked.",
    /** As "notepat and 2 others". */
    named: (first: string, more: number) =>
      more === 0 ? first : `${first} and ${more === 1 ? "1 other" : `${more} others`}`,
    count: (pieces: number) => (pieces === 1 ? "1 piece" : `${pieces} pieces`),
    /** What those that were built here before take; `unknown` were not. `room`: of the base that was taken last. */
    marked(pieces: number, { known, unknown, room }: { known: number; unknown: number; room: number }) {
      const count = `${words.several.count(pieces)} marked`;
      if (unknown === pieces) return `${count}. how large they are is seen next.`;
      const of = room > 0 ? ` of ${size(room)}` : "";
      const rest = unknown === 0 ? "" : `, and ${unknown} not known yet`;
      return `${count}: ${size(known)}${of}${rest}.`;
    },
    build: (pieces: number) => [`build ${words.several.count(pieces)}`, "build"] as const,

    /** Which of several is being fetched. */
    nth: (name: string, number: number, of: number) => `${number} of ${of}: ${name}`,
    room: "room",
    roomOf: (left: number, of: number) => `${size(left)} of ${size(of)} left`,
    starts: "starts",
    menu: "with a menu of them",
    first: (name: string) => `with ${name}`,
    list: (pieces: number) => `${words.several.count(pieces)}. open one to change it:`,
    row(name: string, bytes: number, uses: readonly Allowance[]) {
      const may = uses.length > 0 ? `, may use ${words.usesOf(uses)}` : "";
      return `${name}, ${size(bytes)}${may}`;
    },
    leftOut: (name: string) => `${name}, left out`,
    normalised: "their packing time is the base's: same choices, same sha256.",
    isLeftOut: "it is left out.",
    showFirst: "start with it, and no menu",
    takeOut: ["leave it out", "out"],
    putIn: ["put it in", "in"],
    without: (pieces: number) =>
      pieces === 1 ? (["go on without it", "go on"] as const) : (["go on without them", "go on"] as const),
    orAnother: "or leave out another:",
    again: ["change pieces", "change"],

    put: (pieces: number) => [`put ${words.several.count(pieces)} on it`, "put"] as const,
    back: (first: string | undefined) =>
      first === undefined
        ? "it starts with a menu. holding Escape comes back to it."
        : `it starts with ${first}. holding Escape leads to the others.`,
    noMenu: (name: string) => `a stick that keeps its files has no menu: it starts with ${name}.`,
    onStick: (pieces: number, name: string) =>
      `${words.several.count(pieces)} are on ${name}, but not yet safe there.`,
  },
  kept: (bytes: number) => `${size(bytes)} of base kept here. "os clear" frees it.`,

  clearing: {
    asked: (bytes: number) => `${size(bytes)} of base kept here. remove it?`,
    now: "clearing...",
    done: (bytes: number) => (bytes > 0 ? `${size(bytes)} freed.` : "nothing was kept."),
  },
  press: "press it again",

  phone: "a phone cannot write a USB stick. on a computer, open:",
  phoneToo: "the file can be saved here too, if it fits.",
  elsewhere: "to build it on another computer, open:",
  linking: "making a link...",

  preparing: "asking for the piece and a base...",
  /** `said`: what the oven tells of it. */
  baking: (said: string) => (said ? `the oven bakes it: ${said}` : "the oven bakes it..."),
  file: "file",
  fileOf: (name: string, bytes: number) => `${name}, ${size(bytes)}`,
  download: "download",
  downloadOf(bytes: number, here: number) {
    if (here <= 0) return size(bytes);
    if (here >= bytes) return `nothing, ${size(here)} here`;
    const [part, all] = [size(bytes - here), size(bytes)];
    const unit = all.replace(/^[^ ]*/, "");
    return `${part.endsWith(unit) ? part.slice(0, -unit.length) : part} of ${all}: the rest is here`;
  },
  base: "base",
  /** Versions are dates: the day it was made is shown only where it differs. */
  baseOf({ flavor, version, arch, created }: ImageInfo["base"]) {
    const [day = ""] = created.split("T");
    const parts = version.split(".").map(Number);
    const same = day.split("-").every((part, i) => Number(part) === parts[i]);
    const made = same ? "" : `, made ${day}`;
    return `${flavor} ${version}, ${arch}${made}`;
  },
  piece: "piece",
  pieceOf: (name: string, bytes: number) => `${name}, ${size(bytes)}`,
  normalised: "its packing time is the base's: same choices, same sha256.",
  older: (version: string) => `older than ${version}, which this browser has seen.`,
  sha256: "sha256",
  mayUse: "may use",
  setUp: "set up",
  /** Beyond what every piece may. */
  usesOf(allow: readonly Allowance[]) {
    const all = allow.map((use) => words.uses[use].name);
    return all.length > 0 ? all.join(", ") : "screen, sound and keys only";
  },
  allowing: (piece: string) => `on a computer, ${piece} may use:`,
  asked: (what: string) => `${what} (it asks)`,
  uses: {
    camera: { name: "camera", key: "c", label: "camera" },
    microphone: { name: "microphone", key: "m", label: "microphone" },
    midi: { name: "MIDI", key: "i", label: "MIDI devices" },
    sysex: { name: "SysEx", key: "x", label: "MIDI SysEx, which can change devices for good" },
    network: { name: "network", key: "n", label: "network, to send and fetch" },
  } satisfies Record<Allowance, { name: string; key: string; label: string }>,
  sign: (handle: string) => `say "built by ${handle}" as it starts`,
  unfinished: (name: string) => `${name} is unfinished. continue goes on with it.`,
  keep: (bytes: number) => `keep base for next time (${size(bytes)})`,

  starting: "waiting for your browser. it may ask to allow the download.",
  startingChosen: "choose where the file goes.",
  saving: (name: string) => `saving ${name}`,
  percent: (part: number) => `${Math.floor(100 * part)}%`,
  amount: (written: number, all: number) => `${thousands(written / 1e6)} of ${thousands(all / 1e6)} MB`,
  fetched: (bytes: number, all: number) =>
    `${thousands(bytes / 1e6)} of ${thousands(all / 1e6)} MB downloaded`,
  speed: (bytesPerSecond: number) => `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`,
  left: (seconds: number) => `${duration(seconds)} left`,
  paused: "paused.",
  stop: "stop and throw away the file?",
  trouble: {
    offline: "this computer is offline",
    lost: "connection lost",
    busy: "the server is busy",
    refused: "the server refuses",
    wrong: "wrong bytes came",
    portal: "the network asks you to sign in",
  } satisfies Record<Trouble["kind"], string>,
  retry: (what: string, seconds: number) =>
    seconds > 0 ? `${what}, retry in ${seconds}s` : `${what}, retrying...`,
  goesOn: (name: string) => `still saving ${name}`,

  done: (name: string) => `${name} is in your downloads.`,
  handed: (name: string) => `${name} was handed to your browser. look for it in its downloads.`,
  doneChosen: (name: string) => `${name} is where you wanted it.`,
  keeps: (bytes: number) => `base kept here (${size(bytes)}).`,
  keepsNot: "base not kept.",
  next: { pc: "next: flash it.", arm: "next: write it." } satisfies Record<Machine, string>,
  copied: "sha256 copied",

  steps: {
    write: {
      title: "1. write it",
      text: (name: string) => [
        "get Raspberry Pi Imager from raspberrypi.com/software, or balenaEtcher.",
        `as the system: "Use custom", and ${name}.`,
        "as the storage: your SD card, or a USB stick.",
        "no settings of its own. wait for its check.",
        "everything on the card is lost.",
      ],
    },
    flash: {
      title: "1. flash it",
      text: (name: string) => [
        "get balenaEtcher from etcher.balena.io.",
        `"Flash from file": ${name}.`,
        '"Select target": your USB stick.',
        '"Flash!", then wait for its check.',
        "everything on the stick is lost.",
      ],
    },
    format: {
      title: '2. Windows says "format"? cancel',
      text: () => [
        "Windows may offer to format the stick, once or twice. press Cancel.",
        "it cannot read the stick, and that is fine.",
      ],
    },
    boot: {
      title: "3. boot it",
      text: () => [
        "put the stick in, turn the computer on, and tap its boot menu key. then pick the USB stick. Secure Boot can stay on.",
      ],
    },
    card: {
      title: "3. start it",
      text: () => [
        "put the card into the Pi and switch it on. there is no key to press.",
        "an ARM computer with UEFI starts from a stick, by its boot menu key.",
      ],
    },
    reset: {
      title: "4. get the stick back",
      text: () => [
        'Windows: Rufus, with "Non bootable".',
        "Mac: Disk Utility, Show All Devices, the stick itself, Erase.",
        'Linux: Disks, the stick, "Format Disk".',
      ],
    },
    erase: {
      title: "4. get the card back",
      text: () => ['in Raspberry Pi Imager pick "Erase", at the end of its list of systems.'],
    },
  },
  /** Files on a stick, beside the image. */
  stick: {
    label: "stick",
    onto: ["onto a stick", "usb"],
    put: (piece: string) => [`put ${piece} on it`, "put"] as const,
    check: ["check it", "check"],
    repair: ["repair base", "repair"],
    renew: ["renew base", "renew"],
    remove: ["remove a piece", "remove"],
    takeOff: ["take os off", "off"],
    another: ["another stick", "other"],
    manage: ["see the stick", "stick"],
    isFat: ["it is FAT32, go on", "go on"],
    yes: ["yes", "yes"],
    no: ["no", "no"],

    base: ({ flavor, version, size: bytes }: NonNullable<StickView["base"]>) =>
      `${flavor} ${version}, ${size(bytes)}`,
    noBase: "none yet",
    comes: (flavor: string, version: string) => `${flavor} ${version} comes in its place.`,
    holds: (name: string, bytes: number) => `${name}, ${size(bytes)}`,
    starts: "starts with:",
    more: (count: number) => `and ${count} more.`,
    keeps: "what is on it stays. nothing is erased.",
    needs: (bytes: number) => `it needs ${size(bytes)} of room.`,
    choose: "choose the stick itself, no folder on it.",
    notFat:
      "this does not look like FAT32, the only format that computers start from. go back for the file, or erase the stick:",
    format: {
      windows: 'in Explorer, right-click the stick, "Format", FAT32.',
      mac: 'in Disk Utility, the stick, Erase: "MS-DOS (FAT)", "Master Boot Record".',
      chromeos: 'in Files, right-click the stick, "Format device", FAT32.',
      linux: 'in Disks, the stick, "Format Disk", then a partition "For use with all systems (FAT)".',
    } satisfies Record<NonNullable<PageInfo["system"]>, string>,
    other: (system: string) =>
      `${system} starts from this stick. it would give way: its start files are kept, and come back when os is taken off.`,
    replace: (system: string) => `let ${system} give way?`,
    whichGoes: "which one goes?",
    off: "take os and all its pieces off? all else stays.",
    wrong: (what: string) => `wrong: ${what}`,
    moreWrong: (count: number) => `wrong: ${count} more.`,

    did: {
      look: "",
      put: "it is written. eject the stick before you pull it out.",
      repair: "it is written. eject the stick before you pull it out.",
      start: "it starts that one now. eject the stick before you pull it out.",
      remove: "removed. eject the stick before you pull it out.",
      check: "every byte is right.",
      takeOff: "os is off this stick. eject it before you pull it out.",
    } satisfies Record<StickJob["do"], string>,
    doing: {
      look: (name: string) => `looking at ${name}...`,
      put: (name: string) => `writing to ${name}`,
      repair: (name: string) => `repairing ${name}`,
      check: (name: string) => `reading all of ${name}`,
      start: () => "a moment...",
      remove: () => "removing it...",
      takeOff: () => "taking os off...",
    } satisfies Record<StickJob["do"], (name: string) => string>,
    file: {
      reading: (path: string) => `${path} is there: reading it`,
      writing: (path: string) => path,
      finishing: (path: string) => `${path}: your browser puts it in place`,
    },
    atSpeed: (bytesPerSecond: number) => `stick ${words.speed(bytesPerSecond)}`,
    downloaded: (bytes: number, bytesPerSecond: number) =>
      bytesPerSecond > 0
        ? `${size(bytes)} downloaded, ${words.speed(bytesPerSecond)}`
        : `${size(bytes)} downloaded`,
    goesOn: "still writing to the stick",
    stop: "stop? what is there is not written again.",
    stops: "it stops when this file is in place...",

    done: (piece: string, name: string) => `${piece} is on ${name}, but not yet safe there.`,
    mended: (name: string) => `whole again, but not yet safe on ${name}.`,
    eject: {
      title: "1. eject it, then pull it out",
      why: "some of it is still in this computer's memory.",
      windows: ['click the "^" by the clock, then "Eject".'],
      mac: ["in Finder, click the eject sign beside the stick."],
      chromeos: ["in Files, click the eject sign beside the stick."],
      linux: ["in your file manager, click the eject sign beside the stick."],
      unknown: ["tell your system to eject the stick."],
    } satisfies Record<NonNullable<PageInfo["system"]> | "unknown", string[]> & {
      title: string;
      why: string;
    },
    sure: "to be sure, plug it in again and check it.",
    boot: "2. boot it",
    uefi: "it starts computers with UEFI, as most are since 2012. others need the .iso.",
  },
  /** The piece partition alone. */
  alone: {
    name: (pieces: number) =>
      pieces === 1 ? (["only the piece", "piece"] as const) : (["only the pieces", "pieces"] as const),
    whole: ["whole image", "whole"],
    what: (pieces: number) =>
      `the ${pieces === 1 ? "piece" : "pieces"} alone, for a stick that has an image of ours already. its base stays as it is.`,
    next: "next: put it onto such a stick.",
    /** The person puts the stick's device at its end. */
    command: (fileName: string) => `os put ${fileName} /dev/sdX`,
    how: (command: string) => [
      `on Linux, in a copy of this project: ${command}`,
      '"os" is "npm run -s os --" there, and sdX the stick. os put looks before it writes, and reads back.',
    ],
    copy: ["copy command", "command"],
    copied: "command copied",
  },
  /** An image that is on disk already. */
  image: {
    open: ["an image file", "file"],
    another: ["another file", "file"],
    check: ["check it", "check"],
    repair: ["repair it", "repair"],
    save: ["save it repaired", "repair"],
    put: (piece: string) => [`put ${piece} in`, "put"] as const,
    saveWith: (piece: string) => [`save it with ${piece}`, "put"] as const,
    anew: ["build it anew", "anew"],

    drop: "have an image? drop it here: it is checked, and mended.",
    base({ flavor, version, arch, newest }: ImageView["base"]) {
      const all = `${flavor} ${version}${arch === USUAL_ARCH ? "" : ` ${arch}`}`;
      return newest === undefined ? all : `${all}, and ${newest} is newer`;
    },
    /** The first few of them. */
    piecesOf(names: readonly string[], by: string | undefined) {
      if (names.length === 0) return "none";
      const more = names.length > 4 ? ` and ${names.length - 4} more` : "";
      return `${names.slice(0, 4).join(", ")}${more}${by === undefined ? "" : `, built by ${by}`}`;
    },
    behind: (bytes: number) => `${size(bytes)} lie behind the image, and stay there.`,
    ownTable: "its partition table is not the image's. it is sound, and stays.",
    unread: "not read yet.",
    whole: "every byte of its base is right.",
    wrong: (bytes: number) => `${size(bytes)} of its base are wrong.`,
    damagedPiece: "its piece is damaged: put one in.",
    unsure: "who made the piece is not proven: nothing signed describes it.",
    copies: (bytes: number) =>
      `your browser writes into a copy: it needs ${size(bytes)} more for a while, and until the end the file stays as it is.`,
    choosePiece: "to put another piece in, choose one. the file stays open.",
    outdated: "its base stays. built anew, it has the newer one.",

    looking: (name: string) => `looking at ${name}...`,
    doing: {
      check: (name: string) => `reading ${name}`,
      repair: (name: string) => `mending ${name}`,
      put: (name: string) => `writing into ${name}`,
    },
    saving: (name: string) => `saving what ${name} becomes`,
    does: {
      reading: "each part is held against its signed digest.",
      fetching: "asking for what is put in...",
      copying: "your browser makes its copy...",
      writing: "only what is wrong is fetched.",
      finishing: "your browser puts it in place...",
    } satisfies Record<ImageProgress["does"], string>,

    goesOn: "still writing the image",
    repaired: (name: string) => `${name} is whole again.`,
    putIn: ([piece = "", ...others]: readonly string[], name: string) =>
      others.length === 0
        ? `${piece} is in ${name}.`
        : `${words.several.count(1 + others.length)} are in ${name}.`,
    saved: (name: string) => `${name} is in your downloads.`,
    handed: (name: string) => `${name} was handed to your browser. look for it in its downloads.`,
  },
  /** Boot menu keys, by who makes the computer. */
  bootKeys: [
    "Acer F12",
    "ASRock F11",
    "ASUS F8, Esc",
    "Dell F12",
    "Framework F12",
    "Gigabyte F12",
    "HP F9, Esc",
    "Lenovo F12",
    "MSI F11",
    "Samsung F10",
    "Toshiba F12",
    "Intel Mac Option",
  ],
  /** On a picture of what Windows asks. */
  format: { title: "Windows", text: "Format disk?", yes: "Format", no: "Cancel" },

  // What can be pressed: in full, and where there is little room.
  start: ["start", "start"],
  where: ["choose where", "where"],
  goOn: ["continue", "go on"],
  link: ["link", "link"],
  settings: ["settings", "set"],
  allow: ["allow more", "allow"],
  more: ["more", "+"],
  back: ["back", "back"],
  anyway: ["build it here", "here"],
  pause: ["pause", "pause"],
  resume: ["resume", "resume"],
  cancel: ["cancel", "cancel"],
  yes: ["yes, stop", "yes"],
  no: ["no, go on", "no"],
  copy: ["copy sha256", "copy"],
  checksum: ["save .sha256", "save"],
  again: ["try again", "again"],
  once: ["build again", "again"],
  other: ["another piece", "other"],
  free: ["yes, remove it", "remove"],
  forward: ">",
  backward: "<",

  // What only a screen reader is told.
  heard: {
    sha256: "SHA-256",
    keys: {
      space: "Space",
      "*": "Asterisk",
      tab: "Tab",
      arrowright: "Right arrow",
      arrowleft: "Left arrow",
    } as Record<string, string>,
    checkbox: (label: string, checked: boolean) => `${label}, ${checked ? "on" : "off"}`,
    press: (key: string, what: string) => `${key}: ${what}`,
    offer: (name: string, number: number, all: number, marked: boolean) =>
      `${name}, ${number} of ${all}${marked ? ", marked" : ""}.`,
    onStick: (doing: string, percent: number) => `${doing}, ${percent} percent.`,
    saving: (name: string, percent: number) => `Saving ${name}, ${percent} percent.`,
  },
} as const;

/** What a button is called: in full, and where there is little room. */
export type Name = readonly [full: string, short: string];
