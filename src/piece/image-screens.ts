import type { ImageFileState, ImageView } from "../messages.ts";
import { action, field, gap, heading, pair, text } from "./blocks.ts";
import type { Action, Block, Screen } from "./blocks.ts";
import { called, wordOf, type Model } from "./model.ts";
import { plain, sentence, shown } from "./text.ts";
import { words } from "./words.ts";

/** The screen for an image on disk that the page has open: what it is, what can be done with it, or what is being done. */
export function imageScreen(model: Model, image: ImageFileState): Screen {
  if (image.doing === "look") return lookingAtImage(model, image);
  if (image.doing) return workingOnImage(model, image, image.doing);
  return image.did ? imageFinished(model, image, image.did) : imageOverview(model, image);
}

/** A file's name; its whole length would push all else off the screen. */
const fileName = ({ name }: ImageFileState) => shown(name, 40) || "the file";

/** What could be put in: the build's piece or pieces, once it is ready. */
function piecesAtHand({ build }: Model): string | undefined {
  return build?.stage === "ready" && build.info
    ? called(build.info.pieces.map(({ name }) => name))
    : undefined;
}

function lookingAtImage(model: Model, image: ImageFileState): Screen {
  const trouble = image.trouble && words.trouble[image.trouble.kind];
  const said = words.image.looking(fileName(image));
  return {
    kind: "pages",
    face: trouble ? "sad" : "busy",
    blocks: [
      heading("os"),
      text(trouble ? words.retry(trouble, model.retrySeconds) : said, {
        heard: trouble ? words.retry(trouble, 0) : said,
      }),
      { kind: "dots", lit: model.beat % 3 },
    ],
    actions: [action("c", words.cancel, "stopImage")],
  };
}

function imageOverview(model: Model, image: ImageFileState): Screen {
  const { found, message } = image;
  const isDamaged = found?.checked && (found.checked.wrong > 0 || found.checked.piece === "damaged");
  return {
    kind: "pages",
    face: (message && !found) || isDamaged ? "sad" : found?.checked ? "glad" : "calm",
    blocks: [
      heading("os"),
      field(words.file, image.size > 0 ? words.fileOf(fileName(image), image.size) : fileName(image), true),
      ...(message ? [text(shown(message, 400), { color: found ? "text" : "bad" })] : []),
      ...(found ? whatImageIs(found) : []),
      ...(found?.checked ? imageAdvice(model, image, found) : []),
    ],
    actions: actionsForImage(model, image),
  };
}

function whatImageIs({ pieces, by, base, behind, checked }: ImageView): Block[] {
  return [
    field(words.piece, words.image.piecesOf(pieces.map(plain), by && plain(by))),
    field(words.base, words.image.base(base)),
    gap(),
    ...(checked
      ? [
          checked.wrong > 0
            ? text(words.image.wrong(checked.bytes), { color: "bad" })
            : text(words.image.whole, { color: "good" }),
          ...(checked.piece === "damaged" ? [text(words.image.damagedPiece, { color: "bad" })] : []),
          ...(checked.hasOwnTable ? [text(words.image.ownTable, { color: "dim" })] : []),
        ]
      : [text(words.image.unread)]),
    ...(behind > 0 ? [text(words.image.behind(behind), { color: "dim" })] : []),
    ...(pieces.length > 0 ? [text(words.image.unsure, { color: "dim" })] : []),
  ];
}

function imageAdvice(model: Model, image: ImageFileState, { base }: ImageView): Block[] {
  return [
    ...(image.inPlace ? [text(words.image.copies(image.size), { color: "dim" })] : []),
    ...(base.newest !== undefined ? [text(words.image.outdated, { color: "dim" })] : []),
    ...(piecesAtHand(model) === undefined ? [text(words.image.choosePiece, { color: "dim" })] : []),
    gap(),
    { kind: "row", actions: besidesForImage(image) },
  ];
}

/** What is done less often. */
function besidesForImage({ found }: ImageFileState): Action[] {
  const { pieces: [first, ...others] = [], base } = found ?? {};
  return [
    action("v", words.image.check, "checkImage"),
    ...(first !== undefined && base?.newest !== undefined
      ? [action("a", words.image.anew, `go:${anew(base, first, others)}`)]
      : []),
    action("n", words.other, "pickAnother"),
  ];
}

/** Those pieces, on the newest base for the same kind of computer. */
function anew({ flavor, arch }: ImageView["base"], first: string, others: readonly string[]): string {
  return [`${first}:${flavor}:${wordOf(arch)}`, ...others].join("~");
}

function actionsForImage(model: Model, { found, inPlace }: ImageFileState): Action[] {
  const { checked } = found ?? {};
  const name = piecesAtHand(model);
  const mends = checked !== undefined && checked.wrong > 0;
  const put = inPlace ? words.image.put : words.image.saveWith;
  return [
    ...(mends ? [action("s space", inPlace ? words.image.repair : words.image.save, "repairImage")] : []),
    ...(checked && name !== undefined ? [action(mends ? "p" : "p space", put(name), "putIntoImage")] : []),
    ...(found && !checked ? [action("v space", words.image.check, "checkImage")] : []),
    action("f", words.image.another, "openImage"),
    action("b", words.back, "hideImage"),
  ];
}

function workingOnImage(model: Model, image: ImageFileState, doing: "check" | "repair" | "put"): Screen {
  const { does = "reading", done = 0, total = 0 } = image.progress ?? {};
  const part = total > 0 ? done / total : 0;
  const trouble = image.trouble ? words.trouble[image.trouble.kind] : "";
  const news = (seconds: number) => trouble && words.retry(trouble, seconds);
  const isElsewhere = doing !== "check" && !image.inPlace;
  const said = isElsewhere ? words.image.saving(fileName(image)) : words.image.doing[doing](fileName(image));
  const holds = Object.values(words.trouble).map((what) => words.retry(what, 999));
  return {
    kind: "meter",
    face: trouble ? "sad" : "busy",
    blocks: [
      heading("os"),
      text(said, { brief: fileName(image) }),
      gap(),
      { kind: "bar", part, calm: trouble !== "" },
      pair(words.percent(part), total > 0 ? words.amount(done, total) : "", [
        "100%",
        words.amount(image.size, image.size),
      ]),
      { kind: "news", news: news(model.retrySeconds), color: "bad", pair: pair("", "", ["", ""]), holds },
      gap(),
      text(words.image.does[does], { color: "dim", brief: "" }),
    ],
    actions: does === "finishing" ? [] : [action("c", words.cancel, "stopImage")],
    heard: [
      words.heard.onStick(sentence(said).replace(/\.$/, ""), 10 * Math.floor(10 * part)),
      sentence(news(0)),
    ]
      .filter(Boolean)
      .join(" "),
  };
}

/** It is whole again, or has another piece: where it is, and its SHA-256. */
function imageFinished(model: Model, image: ImageFileState, did: NonNullable<ImageFileState["did"]>): Screen {
  const { found } = image;
  const name = shown(did.fileName, 40);
  const inPlace =
    did.job === "put"
      ? words.image.putIn((found?.pieces ?? []).map(plain), fileName(image))
      : words.image.repaired(fileName(image));
  const elsewhere = did.saved ? words.image.saved(name) : words.image.handed(name);
  return {
    kind: "pages",
    face: "glad",
    blocks: [
      heading("os"),
      text(did.where === "place" ? inPlace : elsewhere, { color: "good" }),
      ...(found ? [field(words.base, words.image.base(found.base))] : []),
      ...(did.sha256 === undefined ? [] : [{ kind: "sha256", hex: did.sha256 } as const]),
      ...(found?.checked?.piece === "damaged" && did.job === "repair"
        ? [text(words.image.damagedPiece, { color: "bad" })]
        : []),
      gap(),
      {
        kind: "row",
        actions: [action("v", words.image.check, "checkImage"), action("n", words.other, "pickAnother")],
      },
    ],
    actions: actionsForImage(model, image).filter(({ command }) => command !== "repairImage"),
  };
}
