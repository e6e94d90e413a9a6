import { knownArchitecture } from "../architectures.ts";
import type { BuildState, ImageInfo, PageInfo } from "../messages.ts";
import { allowing } from "./allowing.ts";
import { action, field, gap, heading, pair, text } from "./blocks.ts";
import type { Action, Block, PictureName, Screen } from "./blocks.ts";
import { imageScreen } from "./image-screens.ts";
import { called, machineOf, otherMachine, step, title, waiting, wordOf, type Model } from "./model.ts";
import { isSeveral, listOf, severalScreen, sumOf } from "./several-screens.ts";
import { stickScreen } from "./stick-screens.ts";
import { plain, sentence, shown } from "./text.ts";
import { type Machine, words } from "./words.ts";

/** The screen that is due. */
export function screenOf(model: Model): Screen {
  const { target, page, build, phone, linking } = model;
  if (!page) return model.pageIsLate ? missing(model) : waiting(model, words.loading);
  if (model.image && model.imageShown) return imageScreen(model, model.image);
  if (target === "") return picker(model, page);
  if (target === "clear") return clearing(model);
  if (linking || (phone && !build)) return linked(model);
  if (!build) return waiting(model, words.preparing);
  const { stage, info } = build;
  if (stage === "failed" || stage === "cancelled") return ended(model, build);
  if (stage === "starting") {
    const chosen = build.where === "chosen";
    return waiting(model, chosen ? words.startingChosen : words.starting, { stoppable: true });
  }
  if (stage === "preparing" || !info) {
    return preparing(model, build);
  }
  if (stage === "ready") return info.only ? pieceAlone(model, page, info) : ready(model, page, build, info);
  if (build.stick) return stickScreen(model, page, build.stick, build, info);
  if (stage === "saving") return saving(model, build, info);
  return info.only ? pieceSaved(model, build, info) : done(model, build, info);
}

/**
 * What can be chosen: what has been typed, what is marked and was typed before, and what was built lately or is AC's own;
 * of these what contains the text. Pieces that were built together are one offer, with tildes between.
 */
export function offersOf(recent: readonly string[], typed: string, marked: readonly string[] = []): string[] {
  const usual = [...recent, ...SUGGESTED];
  const known = [...new Set([...marked.filter((name) => !usual.includes(name)), ...usual])];
  return typed ? [typed, ...known.filter((name) => name.includes(typed) && name !== typed)] : known;
}

/** What is marked when `offer` is marked too, or no longer if it was. */
export function withMark(marked: readonly string[], offer: string): string[] {
  const names = offer.split("~");
  const isMarked = names.every((name) => marked.includes(name));
  return isMarked ? marked.filter((name) => !names.includes(name)) : [...new Set([...marked, ...names])];
}

/** All that can be pressed on a screen, at the bottom and among the blocks. */
export function actionsOf({ blocks, actions }: Screen): Pick<Action, "command" | "keys" | "name">[] {
  const among = blocks.flatMap((block): Pick<Action, "command" | "keys" | "name">[] => {
    if (block.kind === "row") return [...block.actions];
    if (block.kind === "choice") {
      return [{ command: block.command, keys: [block.key], name: [block.label, block.label] }];
    }
    if (block.kind !== "checkbox") return [];
    const name = words.heard.checkbox(block.label, block.checked);
    return [{ command: block.command, keys: [block.key], name: [name, name] }];
  });
  return [...actions, ...among];
}

/** What a person who does not see the canvas is told of a screen, in sentences. */
export function announcement(screen: Screen): string {
  if (screen.kind === "meter") return screen.heard;
  const keys = actionsOf(screen).map(pressed);
  const all = [...screen.blocks.map(heardOf), screen.kind === "picker" ? screen.heard : "", ...keys];
  return all.filter(Boolean).join(" ");
}

/** Pieces of AC's own that need nothing but themselves. */
const SUGGESTED = ["notepat", "prompt", "line", "wand", "starfield", "metronome", "bleep", "tone", "melody"];

function preparing(model: Model, { trouble, baking, fetching }: BuildState): Screen {
  const which = fetching && words.several.nth(plain(fetching.name), fetching.number, fetching.of);
  const what = trouble && words.trouble[trouble.kind];
  const say = (bakes: string, seconds: number) => {
    const now = what ? words.retry(what, seconds) : baking === undefined ? "" : words.baking(bakes);
    if (which) return now ? `${which}. ${now}` : which;
    return now || words.preparing;
  };
  // A screen reader hears that it bakes, and no countdown
  return waiting(model, say(shown(baking ?? ""), model.retrySeconds), { heard: say("", 0), stoppable: true });
}

function missing(model: Model): Screen {
  return {
    kind: "pages",
    face: "sad",
    blocks: [title(model), text(words.noPage, { color: "bad" })],
    actions: [],
  };
}

function picker(model: Model, { recent, kept, sizes, room }: PageInfo): Screen {
  const { typed, chosen, marked, phone } = model;
  const offers = offersOf(recent, typed, marked);
  const isMarking = marked.length > 0;
  const isMarked = (offer: string) => offer.split("~").every((name) => marked.includes(name));
  const seen = marked.flatMap((name) => (Object.hasOwn(sizes, name) ? sizes[name]! : []));
  const taken = {
    known: seen.reduce((sum, bytes) => sum + bytes, 0),
    unknown: marked.length - seen.length,
    room,
  };
  const { hint, marking, marked: count, build } = words.several;
  return {
    kind: "picker",
    face: "glad",
    offers,
    blocks: [
      heading(words.choose, true),
      isMarking
        ? text(count(marked.length, taken), { color: "title", brief: words.several.count(marked.length) })
        : text(words.choosing[machineOf(model)], { brief: "" }),
      text(isMarking ? marking : words.typing, { color: "dim", brief: "" }),
      { kind: "input", text: typed },
      ...offers.map((offer, number): Block => {
        return {
          kind: "offer",
          piece: offer,
          label: called(offer.split("~")),
          note: recent.includes(offer) ? words.recent : "",
          number,
          chosen: number === chosen,
          marked: isMarking ? isMarked(offer) : undefined,
        };
      }),
      gap(),
      ...(isMarking ? [] : [text(hint, { color: "dim" })]),
      // What is less found by itself comes first: where there is no room, the last ones go
      ...(phone || isMarking ? [] : [text(words.image.drop, { color: "dim" })]),
      text(words.kidlisp, { color: "dim" }),
      ...(kept > 0 ? [text(words.kept(kept), { color: "dim" })] : []),
    ],
    actions: [
      isMarking
        ? action("tab arrowright", build(marked.length), "buildMarked")
        : action("*", words.machine.change[otherMachine(machineOf(model))], "forAnother"),
    ],
    heard: heardOfOffer(offers, chosen, isMarked),
  };
}

function heardOfOffer(
  offers: readonly string[],
  chosen: number,
  isMarked: (offer: string) => boolean,
): string {
  const offer = offers[chosen] ?? "";
  return words.heard.offer(
    called(offer.split("~")),
    chosen + 1,
    offers.length,
    offer !== "" && isMarked(offer),
  );
}

function clearing({ cleared, unconfirmed, page }: Model): Screen {
  if (unconfirmed) {
    return {
      kind: "pages",
      face: "calm",
      blocks: [heading("os"), text(words.clearing.asked(page?.kept ?? 0))],
      actions: [action("y space", words.free, "clear"), action("n", words.other, "pickAnother")],
    };
  }
  const { message } = cleared ?? {};
  const answer = cleared
    ? text(message ?? words.clearing.done(cleared.bytes), { color: message ? "bad" : "good" })
    : text(words.clearing.now);
  return {
    kind: "pages",
    face: message ? "sad" : cleared ? "glad" : "busy",
    blocks: [heading("os"), answer],
    actions: cleared ? [action("n", words.other, "pickAnother")] : [],
  };
}

/** The address of this build, for another computer. */
function linked(model: Model): Screen {
  const { link, phone, build } = model;
  const first = phone && !build; // shown before anything is asked for
  return {
    kind: "pages",
    face: "calm",
    blocks: [
      title(model),
      text(first ? words.phone : words.elsewhere),
      ...(link
        ? [
            text(link.url, { color: "title" }),
            ...(link.qr.length > 0 ? [{ kind: "qr", rows: link.qr } as const] : []),
          ]
        : [text(words.linking, { color: "dim" })]),
      ...(first ? [text(words.phoneToo, { color: "dim" })] : []),
    ],
    actions: [first ? action("b", words.anyway, "open") : action("b", words.back, "closeLink")],
  };
}

function ready(
  model: Model,
  page: PageInfo,
  { keep, sign, unfinished }: BuildState,
  info: ImageInfo,
): Screen {
  const before = severalScreen(model, info);
  if (before) return before;
  const asks = info.asks ?? [];
  const several = isSeveral(info);
  const isUnfolded = !several && (model.unfolded || asks.length > 0);
  const isNormalised = info.pieces.every((piece) => piece.isNormalised);
  return {
    kind: "pages",
    face: "calm",
    blocks: [
      title(model),
      field(words.file, words.fileOf(info.fileName, info.size), true),
      field(words.download, words.downloadOf(info.download, info.here)),
      field(words.base, words.baseOf(info.base)),
      ...(info.release?.olderThan ? [text(words.older(info.release.olderThan), { color: "bad" })] : []),
      ...whatIsOn(info),
      ...(info.setUp?.length ? [field(words.setUp, info.setUp.map((line) => shown(line)).join(", "))] : []),
      { kind: "sha256", hex: info.sha256 || ".".repeat(64) },
      ...(isNormalised
        ? [text(several ? words.several.normalised : words.normalised, { color: "dim" })]
        : []),
      ...(several ? listOf(info) : []),
      ...(isUnfolded ? allowing(info.piece.name, info.allow, asks) : []),
      ...(unfinished ? [text(words.unfinished(info.fileName), { color: "good" })] : []),
      ...(sign ? [gap(), signing(sign)] : []),
      ...(keep.possible ? [gap(), keeping(words.keep(info.download), keep.wanted)] : []),
      gap(),
      {
        kind: "row",
        actions: [
          ...(isUnfolded || several ? [] : [action("a", words.allow, "unfold")]),
          ...(several ? [action("y", words.several.again, "pickAgain")] : []),
          ...(page.suggested ? [forAnother(info)] : []),
          action("e", words.settings, "settings"),
          action("l", words.link, "link"),
          ...(model.waysShown
            ? [
                ...(page.suggested ? [] : [forAnother(info)]),
                action("o", words.alone.name(info.pieces.length), "onlyPiece"),
                action("f", words.image.open, model.image ? "showImage" : "openImage"),
              ]
            : [action("o", words.more, "showWays")]),
        ],
      },
    ],
    aside: [{ kind: "preview" }],
    actions: [
      action("s space", words.start, "start"),
      ...(page.choose ? [action("w", unfinished ? words.goOn : words.where, "choose")] : []),
      ...(page.stick && knownArchitecture(info.base.arch).onSticks
        ? [action("u", words.stick.onto, "stick")]
        : []),
    ],
  };
}

/** To build it for another kind of computer instead. */
function forAnother({ base }: ImageInfo): Action {
  return action("*", words.machine.change[otherMachine(wordOf(base.arch))], "forAnother");
}

/** The piece or the pieces, and what they may use. */
function whatIsOn(info: ImageInfo): Block[] {
  if (isSeveral(info)) return sumOf(info);
  const { piece, allow } = info;
  return [
    field(words.piece, words.pieceOf(piece.name, piece.size)),
    field(words.mayUse, words.usesOf(allow)),
  ];
}

/** The piece partition, to be saved alone. */
function pieceAlone(model: Model, page: PageInfo, info: ImageInfo): Screen {
  const { length } = info.sha256; // "" while it is computed
  const names = info.pieces.map(({ name }) => plain(name));
  return {
    kind: "pages",
    face: "calm",
    blocks: [
      title(model),
      text(words.alone.what(info.pieces.length)),
      field(words.file, length > 0 ? words.fileOf(info.fileName, info.size) : "...", true),
      field(words.base, words.baseOf(info.base)),
      ...(isSeveral(info) ? [field(words.piece, words.image.piecesOf(names, undefined))] : []),
      ...whatIsOn(info),
      ...(info.setUp?.length ? [field(words.setUp, info.setUp.map((line) => shown(line)).join(", "))] : []),
      { kind: "sha256", hex: info.sha256 || ".".repeat(64) },
    ],
    aside: [{ kind: "preview" }],
    actions: [
      action("s space", words.start, "start"),
      ...(page.choose ? [action("w", words.where, "choose")] : []),
      action("b", words.alone.whole, "wholeImage"),
    ],
  };
}

/** The piece partition is saved: what is left is to write it. */
function pieceSaved(model: Model, { where, saved: isSaved }: BuildState, info: ImageInfo): Screen {
  const said = where === "chosen" ? words.doneChosen : isSaved ? words.done : words.handed;
  return {
    kind: "pages",
    face: "glad",
    blocks: [
      title(model),
      text(said(info.fileName), { color: "good" }),
      { kind: "sha256", hex: info.sha256 },
      gap(),
      text(words.alone.next, { color: "title" }),
      ...words.alone.how(words.alone.command(info.fileName)).map((line) => text(line)),
      gap(),
      {
        kind: "row",
        actions: [
          action("m", words.alone.copy, "copyCommand"),
          action("h", words.copy, "copy"),
          action("j", words.checksum, "saveChecksum"),
          action("r", words.once, "open"),
          action("n", words.other, "pickAnother"),
        ],
      },
    ],
    actions: [],
  };
}

const signing = ({ handle, wanted }: NonNullable<BuildState["sign"]>): Block => ({
  kind: "checkbox",
  key: "b",
  label: words.sign(plain(handle)),
  checked: wanted,
  command: "sign",
});

const keeping = (label: string, checked: boolean): Block => ({
  kind: "checkbox",
  key: "k",
  label,
  checked,
  command: "keep",
});

function saving(model: Model, build: BuildState, info: ImageInfo): Screen {
  const { written, fetched, bytesPerSecond: speed, paused } = build;
  const { stopping, retrySeconds } = model;
  const part = info.size > 0 ? written / info.size : 0;
  const left = speed > 0 ? words.left((info.size - written) / speed) : "";
  const toFetch = Math.max(0, info.download - info.here);
  const trouble = build.trouble && !paused ? words.trouble[build.trouble.kind] : "";
  const news = (seconds: number) => {
    if (stopping) return words.stop;
    if (paused) return words.paused;
    return trouble && words.retry(trouble, seconds);
  };
  const keys = [action("y", words.yes, "stop"), action("n", words.no, "goOn")];
  return {
    kind: "meter",
    face: build.trouble ? "sad" : paused ? "asleep" : "busy",
    blocks: [
      title(model),
      text(words.saving(info.fileName), { brief: info.fileName }),
      gap(),
      { kind: "bar", part, calm: paused || build.trouble !== undefined },
      pair(words.percent(part), words.amount(written, info.size), [
        "100%",
        words.amount(info.size, info.size),
      ]),
      {
        kind: "news",
        news: news(retrySeconds),
        color: stopping || build.trouble ? "bad" : "dim",
        pair: pair(speed > 0 ? words.speed(speed) : "", left, [words.speed(1e9), words.left(3599)]),
        holds: [
          ...Object.values(words.trouble).map((what) => words.retry(what, 999)),
          words.paused,
          words.stop,
        ],
      },
      gap(),
      ...(info.only ? [] : [text(words.fetched(Math.min(fetched, toFetch), toFetch), { color: "dim" })]),
      { kind: "sha256", hex: info.sha256 },
    ],
    actions: stopping
      ? keys
      : [
          paused
            ? action("p space", words.resume, "pause", words.pause)
            : action("p space", words.pause, "pause", words.resume),
          action("c", words.cancel, "askToStop"),
        ],
    // A screen reader hears each 10 %, and any trouble without its countdown.
    heard: [
      words.heard.saving(info.fileName, 10 * Math.floor(10 * part)),
      sentence(news(0)),
      ...(stopping ? keys.map(pressed) : []),
    ]
      .filter(Boolean)
      .join(" "),
  };
}

/** What is left to do with a file, for each kind of computer: a picture each, and what is said. */
const STEPS = {
  pc: ["flash", "format", "boot", "reset"],
  arm: ["write", "format", "card", "erase"],
} as const satisfies Record<Machine, readonly (PictureName & keyof typeof words.steps)[]>;

function done(model: Model, { keep, where, saved }: BuildState, info: ImageInfo): Screen {
  const said = where === "chosen" ? words.doneChosen : saved ? words.done : words.handed;
  const machine = wordOf(info.base.arch);
  const [first, ...rest] = STEPS[machine].map((name) =>
    step(name, words.steps[name].title, words.steps[name].text(info.fileName)),
  );
  return {
    kind: "pages",
    face: "glad",
    blocks: [
      title(model),
      text(said(info.fileName), { color: "good" }),
      ...(info.pieces.length > 1 ? [text(words.several.back(info.start && plain(info.start)))] : []),
      { kind: "sha256", hex: info.sha256 },
      gap(),
      {
        kind: "row",
        actions: [
          action("h", words.copy, "copy"),
          action("j", words.checksum, "saveChecksum"),
          action("r", words.once, "open"),
          action("n", words.other, "pickAnother"),
        ],
      },
      gap(),
      text(keep.wanted && keep.bytes > 0 ? words.keeps(keep.bytes) : words.keepsNot, { color: "dim" }),
      text(words.next[machine], { color: "title" }),
      ...rest.flat(),
    ],
    aside: first ?? [],
    actions: [],
  };
}

function ended(model: Model, { stage, message = "" }: BuildState): Screen {
  const failed = stage === "failed";
  return {
    kind: "pages",
    face: failed ? "sad" : "calm",
    blocks: [title(model), text(message, { color: failed ? "bad" : "text" })],
    actions: [
      action("r", words.again, "open"),
      ...(model.others.length > 0 ? [action("y", words.several.again, "pickAgain")] : []),
      action("n", words.other, "pickAnother"),
    ],
  };
}

function heardOf(block: Block): string {
  switch (block.kind) {
    case "heading":
      return block.needed ? sentence(block.text) : `${block.text}.`; // a name stays as it is
    case "text":
      return sentence(block.heard);
    case "field":
      return sentence(`${block.label}: ${block.value}`);
    case "sha256":
      return /^\.+$/.test(block.hex) ? "" : `${words.heard.sha256}: ${block.hex}.`;
    case "cells":
      return `${block.cells.join("; ")}.`;
    default:
      return ""; // a key, or told when it is chosen, or a picture
  }
}

function pressed({ keys: [key = ""], name: [full] }: Pick<Action, "keys" | "name">): string {
  if (key === "") return sentence(full); // there are more than keys
  return words.heard.press(words.heard.keys[key] ?? key, sentence(full));
}
