import type { ImageInfo } from "../messages.ts";
import { allowing } from "./allowing.ts";
import { action, field, gap, text } from "./blocks.ts";
import type { Block, Screen } from "./blocks.ts";
import { title, type Model } from "./model.ts";
import { plain } from "./text.ts";
import { words } from "./words.ts";

// A build with several pieces, once it is ready: what all of them come to, one of them, and those that are not to be had.

type LeftOut = NonNullable<ImageInfo["leftOut"]>[number];

/** Pieces have these keys, as far as they go: others are tapped. What else can be done on that screen has the rest. */
const CHOICE_KEYS = "1234567890acdghijmnpqrtvxz";

/** Whether several pieces were asked for, be they on the image or not. */
export function isSeveral({ pieces, leftOut = [] }: ImageInfo): boolean {
  return pieces.length + leftOut.length > 1;
}

/** The screen that comes before the usual one of a build that is ready, if any does. */
export function severalScreen(model: Model, info: ImageInfo): Screen | undefined {
  if (!isSeveral(info)) return undefined;
  const lacking = info.leftOut?.filter(({ message }) => message) ?? [];
  if (model.looking) return pieceScreen(model, info);
  return lacking.length > 0 && !model.goesWithout ? lackingScreen(model, info, lacking) : undefined;
}

/** What all pieces come to. */
export function sumOf({ pieces: [only, ...others], start, room }: ImageInfo): Block[] {
  const { starts: label, first, menu, room: of, roomOf } = words.several;
  const starts = others.length === 0 ? only.name : start;
  return [
    ...(room ? [field(of, roomOf(room.left, room.of))] : []),
    field(label, starts === undefined ? menu : first(plain(starts))),
  ];
}

/** All pieces, each of which leads to a screen of its own. */
export function listOf(info: ImageInfo): Block[] {
  const { pieces, leftOut = [] } = info;
  return [gap(), text(words.several.list(pieces.length), { color: "title" }), ...choicesOf(pieces, leftOut)];
}

function choicesOf(
  pieces: ImageInfo["pieces"],
  leftOut: readonly LeftOut[],
  leadsTo: "look" | "include" = "look",
): Block[] {
  const { row, leftOut: out } = words.several;
  const rows = [
    ...pieces.map(({ name, size, allow }) => [name, row(plain(name), size, allow)] as const),
    ...leftOut.map(({ name }) => [name, out(plain(name))] as const),
  ];
  return rows.map(([name, label], i): Block => {
    return { kind: "choice", key: CHOICE_KEYS[i] ?? "", label, note: "", command: `${leadsTo}:${name}` };
  });
}

/** Some of the pieces are not to be had, or there is no room for them. */
function lackingScreen(model: Model, { pieces }: ImageInfo, lacking: readonly LeftOut[]): Screen {
  const { without, orAnother, again } = words.several;
  const isFull = lacking.some(({ size }) => size !== undefined);
  const isAway = lacking.some(({ size }) => size === undefined);
  return {
    kind: "pages",
    face: "sad",
    blocks: [
      title(model),
      ...lacking.map(({ name, message }) =>
        text(message.includes(name) ? message : `${plain(name)}: ${message}`, { color: "bad" }),
      ),
      ...(isFull && pieces.length > 1
        ? [gap(), text(orAnother, { color: "title" }), ...choicesOf(pieces, [], "include")]
        : []),
    ],
    actions: [
      action("s space", without(lacking.length), "goWithout"),
      ...(isAway ? [action("w", words.again, "fetchAgain")] : []),
      action("y", again, "pickAgain"),
    ],
  };
}

/** One of the pieces: what it may use, whether it comes first, and whether it is on the image at all. */
function pieceScreen({ looking }: Model, info: ImageInfo): Screen {
  const { isLeftOut, putIn, showFirst, takeOut } = words.several;
  const { pieces, leftOut = [], start } = info;
  const piece = pieces.find(({ name }) => name === looking);
  const out = leftOut.find(({ name }) => name === looking);
  const size = piece?.size ?? out?.size;
  const isOneOfMany = piece && pieces.length > 1;
  return {
    kind: "pages",
    face: out?.message ? "sad" : "calm",
    blocks: [
      { kind: "heading", text: plain(looking), needed: true },
      ...(size === undefined ? [] : [field(words.piece, words.pieceOf(plain(looking), size))]),
      ...(out ? [text(out.message || isLeftOut, { color: out.message ? "bad" : "dim" })] : []),
      ...(isOneOfMany
        ? [
            {
              kind: "checkbox",
              key: "t",
              label: showFirst,
              checked: start === piece.name,
              command: "showFirst",
            } as const,
          ]
        : []),
      ...(piece ? allowing(piece.name, piece.allow, piece.asks) : []),
    ],
    ...(piece && { aside: [{ kind: "preview" } as const] }),
    actions: [
      action("b", words.back, "look:"),
      ...(isOneOfMany ? [action("o", takeOut, `include:${looking}`)] : []),
      ...(out?.size === undefined ? [] : [action("o", putIn, `include:${looking}`)]),
    ],
  };
}
