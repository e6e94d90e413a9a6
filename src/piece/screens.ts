import type { Allowance } from "../allowances.ts";
import type { BuildState, ImageInfo, PageInfo } from "../messages.ts";
import { action, field, gap, heading, pair, text } from "./blocks.ts";
import type { Action, Block, Screen } from "./blocks.ts";
import { step, title, waiting, type Model } from "./model.ts";
import { stickScreen } from "./stick-screens.ts";
import { plain, sentence, shown } from "./text.ts";
import { words } from "./words.ts";

/** The screen that is due. */
export function screenOf(model: Model): Screen {
  const { target, page, build, phone, linking } = model;
  if (!page) return model.pageIsLate ? missing(model) : waiting(model, words.loading);
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
    const trouble = build.trouble && words.trouble[build.trouble.kind];
    const idle = build.baking === undefined ? words.preparing : words.baking(shown(build.baking));
    const said = trouble ? words.retry(trouble, model.retrySeconds) : idle;
    // A screen reader hears that it bakes, and no countdown
    const quiet = build.baking === undefined ? words.preparing : words.baking("");
    const heard = trouble ? words.retry(trouble, 0) : quiet;
    return waiting(model, said, { heard, stoppable: true });
  }
  if (stage === "ready") return ready(model, page, build, info);
  if (build.stick) return stickScreen(model, page, build.stick, build, info);
  return stage === "saving" ? saving(model, build, info) : done(model, build, info);
}

/** The pieces that can be chosen: what has been typed, and what was built lately or is AC's own and contains it. */
export function offersOf(recent: readonly string[], typed: string): string[] {
  const known = [...new Set([...recent, ...SUGGESTED])];
  return typed ? [typed, ...known.filter((name) => name.includes(typed) && name !== typed)] : known;
}

/** All that can be pressed on a screen, at the bottom and among the blocks. */
export function actionsOf({ blocks, actions }: Screen): Pick<Action, "command" | "keys" | "name">[] {
  const among = blocks.flatMap((block): Pick<Action, "command" | "keys" | "name">[] => {
    if (block.kind === "row") return [...block.actions];
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

function missing(model: Model): Screen {
  return {
    kind: "pages",
    face: "sad",
    blocks: [title(model), text(words.noPage, { color: "bad" })],
    actions: [],
  };
}

function picker({ typed, chosen }: Model, { recent, kept }: PageInfo): Screen {
  const offers = offersOf(recent, typed);
  return {
    kind: "picker",
    face: "glad",
    offers,
    blocks: [
      heading(words.choose, true),
      text(words.choosing, { brief: "" }),
      text(words.typing, { color: "dim", brief: "" }),
      { kind: "input", text: typed },
      ...offers.map((name, number): Block => {
        const note = recent.includes(name) ? words.recent : "";
        return { kind: "offer", piece: name, label: plain(name), note, number, chosen: number === chosen };
      }),
      gap(),
      text(words.kidlisp, { color: "dim" }),
      ...(kept > 0 ? [text(words.kept(kept), { color: "dim" })] : []),
    ],
    actions: [],
    heard: words.heard.offer(plain(offers[chosen] ?? ""), chosen + 1, offers.length),
  };
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
  const asks = info.asks ?? [];
  const isUnfolded = model.unfolded || asks.length > 0;
  return {
    kind: "pages",
    face: "calm",
    blocks: [
      title(model),
      field(words.file, words.fileOf(info.fileName, info.size), true),
      field(words.download, words.downloadOf(info.download, info.here)),
      field(words.base, words.baseOf(info.base)),
      ...(info.release?.olderThan ? [text(words.older(info.release.olderThan), { color: "bad" })] : []),
      field(words.piece, words.pieceOf(info.piece.name, info.piece.size)),
      field(words.mayUse, words.usesOf(info.allow)),
      ...(info.setUp?.length ? [field(words.setUp, info.setUp.map((line) => shown(line)).join(", "))] : []),
      { kind: "sha256", hex: info.sha256 || ".".repeat(64) },
      ...(info.piece.isNormalised ? [text(words.normalised, { color: "dim" })] : []),
      ...(isUnfolded ? allowing(info) : []),
      ...(unfinished ? [text(words.unfinished(info.fileName), { color: "good" })] : []),
      ...(sign ? [gap(), signing(sign)] : []),
      ...(keep.possible ? [gap(), keeping(words.keep(info.download), keep.wanted)] : []),
      gap(),
      {
        kind: "row",
        actions: [
          ...(isUnfolded ? [] : [action("a", words.allow, "unfold")]),
          action("e", words.settings, "settings"),
          action("l", words.link, "link"),
        ],
      },
    ],
    aside: [{ kind: "preview" }],
    actions: [
      action("s space", words.start, "start"),
      ...(page.choose ? [action("w", unfinished ? words.goOn : words.where, "choose")] : []),
      ...(page.stick ? [action("u", words.stick.onto, "stick")] : []),
    ],
  };
}

const USES = Object.keys(words.uses) as Allowance[];

/** What the piece may use of the machine that it starts, each to be allowed or not. */
function allowing({ piece, allow, asks = [] }: ImageInfo): Block[] {
  return [
    gap(),
    text(words.allowing(plain(piece.name)), { color: "title" }),
    ...USES.map((use): Block => {
      const label = asks.includes(use) ? words.asked(words.uses[use].label) : words.uses[use].label;
      const checked = allow.includes(use);
      return { kind: "checkbox", key: words.uses[use].key, label, checked, command: `use:${use}` };
    }),
  ];
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
      text(words.fetched(Math.min(fetched, info.download), info.download), { color: "dim" }),
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

function done(model: Model, { keep, where, saved }: BuildState, info: ImageInfo): Screen {
  const said = where === "chosen" ? words.doneChosen : saved ? words.done : words.handed;
  const [first, ...rest] = (["flash", "format", "boot", "reset"] as const).map((name) =>
    step(name, words.steps[name].title, words.steps[name].text(info.fileName)),
  );
  return {
    kind: "pages",
    face: "glad",
    blocks: [
      title(model),
      text(said(info.fileName), { color: "good" }),
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
      text(words.next, { color: "title" }),
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
    actions: [action("r", words.again, "open"), action("n", words.other, "pickAnother")],
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
  return words.heard.press(words.heard.keys[key] ?? key, sentence(full));
}
