import type { BuildState, ImageInfo, PageInfo, StickJob, StickState, StickView } from "../messages.ts";
import { action, field, gap, pair, text } from "./blocks.ts";
import type { Action, Block, Screen } from "./blocks.ts";
import { step, title, waiting, type Model } from "./model.ts";
import { plain, sentence, shown } from "./text.ts";
import { words } from "./words.ts";

/** Pieces have the keys from 1 on, and 0 for the tenth. */
const KEYS = "1234567890";
/** So many things that are wrong are named. */
const PROBLEMS = 4;

/** The screen for a stick that the person has chosen: what is on it, what is being done there, or how it is ejected. */
export function stickScreen(
  model: Model,
  page: PageInfo,
  stick: StickState,
  build: BuildState,
  info: ImageInfo,
): Screen {
  const { doing, did } = stick;
  if (doing === "put" || doing === "repair" || doing === "check")
    return working(model, stick, doing, build, info);
  if (doing) {
    const screen = waiting(model, words.stick.doing[doing](nameOf(stick)));
    return doing === "look" ? { ...screen, actions: [action("c", words.cancel, "stopStick")] } : screen;
  }
  const isWhole = stick.found?.problems.length === 0; // another page may have been at it
  if ((did === "put" || did === "repair") && isWhole && !model.stickManaged)
    return ejecting(model, page, stick, did, info);
  return management(model, page, stick, info);
}

/** A stick's name; Chromium gives the top of a Windows drive as a backslash. */
function nameOf({ name }: StickState): string {
  return shown(name, 40).replace(/^[\\/]+$/, "") || "the stick";
}

/** What is on the stick, and what can be done there. */
function management(model: Model, page: PageInfo, stick: StickState, info: ImageInfo): Screen {
  const { found, did, message } = stick;
  const isUsable = found !== undefined && (found.isFat || model.stickIsFat);
  const said =
    message ?? (did === undefined || (did === "check" && found?.problems.length) ? "" : words.stick.did[did]);
  return {
    kind: "pages",
    face: message || (found && !isUsable) || found?.problems.length ? "sad" : did ? "glad" : "calm",
    blocks: [
      title(model),
      field(words.stick.label, nameOf(stick)),
      ...(said ? [text(said, { color: message ? "bad" : "good" })] : []),
      ...(isUsable ? noMenu(info) : []),
      ...(found && !isUsable ? unusable(page) : []),
      ...(found && (isUsable || found.isOurs) ? onStick(model, found, info) : []),
    ],
    actions: actionsFor(model, found, isUsable, info),
  };
}

/** How a stick of another format becomes one that computers start from. */
function unusable({ system }: PageInfo): Block[] {
  const how = system ? [words.stick.format[system]] : Object.values(words.stick.format);
  return [text(words.stick.notFat, { color: "bad" }), ...how.map((line) => text(line))];
}

function onStick(model: Model, found: StickView, info: ImageInfo): Block[] {
  const { base, problems, pieces, other } = found;
  const isRemoving = model.stickQuestion === "remove";
  return [
    ...(found.isOurs
      ? [field(words.base, base ? words.stick.base(base) : words.stick.noBase)]
      : [text(words.stick.keeps), text(words.stick.needs(info.download)), text(words.stick.choose)]),
    ...(base && !base.isCurrent
      ? [text(words.stick.comes(info.base.flavor, info.base.version), { color: "dim" })]
      : []),
    ...problems
      .slice(0, PROBLEMS)
      .map((problem) => text(words.stick.wrong(shown(problem, 200)), { color: "bad" })),
    ...(problems.length > PROBLEMS
      ? [text(words.stick.moreWrong(problems.length - PROBLEMS), { color: "bad" })]
      : []),
    ...(other ? [gap(), text(words.stick.other(other), { color: "title" })] : []),
    ...(pieces.length > 0
      ? [gap(), text(isRemoving ? words.stick.whichGoes : words.stick.starts, { color: "title" })]
      : []),
    ...pieces.slice(0, KEYS.length).map((piece, i): Block => {
      const label = words.stick.holds(plain(piece.name), piece.size);
      const command = isRemoving ? (`remove:${piece.folder}` as const) : (`starts:${piece.folder}` as const);
      return { kind: "checkbox", key: KEYS[i] ?? "", label, checked: piece.starts, command };
    }),
    ...(pieces.length > KEYS.length
      ? [text(words.stick.more(pieces.length - KEYS.length), { color: "dim" })]
      : []),
    ...(found.isOurs && model.stickQuestion === ""
      ? [gap(), { kind: "row", actions: manage(found) } as const]
      : []),
    ...question(model, found),
  ];
}

function question({ stickQuestion }: Model, { other = "" }: StickView): Block[] {
  if (stickQuestion === "takeOff") return [gap(), text(words.stick.off, { color: "bad" })];
  return stickQuestion === "replace" ? [gap(), text(words.stick.replace(other), { color: "bad" })] : [];
}

/** What can be done with what is there. */
function manage({ base, problems, pieces }: StickView): Action[] {
  const renews = problems.length === 0;
  return [
    action("v", words.stick.check, "checkStick"),
    ...(base && !(renews && base.isCurrent)
      ? [action("f", renews ? words.stick.renew : words.stick.repair, "repairStick")]
      : []),
    ...(pieces.length > 0 ? [action("d", words.stick.remove, "ask:remove")] : []),
    action("t", words.stick.takeOff, "ask:takeOff"),
  ];
}

function actionsFor(
  { stickQuestion }: Model,
  found: StickView | undefined,
  isUsable: boolean,
  info: ImageInfo,
): Action[] {
  if (stickQuestion === "remove") return [action("b", words.back, "ask:")];
  if (stickQuestion !== "") {
    const yes = stickQuestion === "takeOff" ? "takeOffStick" : "replaceOnStick";
    return [action("y", words.stick.yes, yes), action("n", words.stick.no, "ask:")];
  }
  const { pieces } = info;
  const name = pieces.length > 1 ? words.several.put(pieces.length) : words.stick.put(plain(info.piece.name));
  return [
    ...(isUsable ? [action("s space", name, found?.other ? "ask:replace" : "putOnStick")] : []),
    ...(found && !isUsable ? [action("g", words.stick.isFat, "stickIsFat")] : []),
    ...(found ? [] : [action("r space", words.again, "lookAtStick")]),
    action("u", words.stick.another, "anotherStick"),
    action("b", words.back, "leaveStick"),
  ];
}

/** Bytes are written, or read. */
function working(
  model: Model,
  stick: StickState,
  doing: StickJob["do"],
  build: BuildState,
  info: ImageInfo,
): Screen {
  const { stopping, retrySeconds } = model;
  const { bytesPerSecond: speed, fetchedPerSecond, fetched, paused } = build;
  const { path = "", does = "reading", done = 0, total = 0, written = 0 } = stick.progress ?? {};
  const part = total > 0 ? done / total : 0;
  const writes = does !== "reading";
  const left = writes && speed > 0 ? words.left((total - done) / speed) : "";
  const trouble = build.trouble && !paused ? words.trouble[build.trouble.kind] : "";
  const news = (seconds: number) => {
    if (stick.stops) return words.stick.stops;
    if (stopping) return words.stick.stop;
    if (paused) return words.paused;
    return trouble && words.retry(trouble, seconds);
  };
  const file = path.slice(path.lastIndexOf("/") + 1);
  const keys = [action("y", words.yes, "stopStick"), action("n", words.no, "goOn")];
  const pausing = paused
    ? action("p space", words.resume, "pause", words.pause)
    : action("p space", words.pause, "pause", words.resume);
  const said = words.stick.doing[doing](nameOf(stick));
  return {
    kind: "meter",
    face: build.trouble ? "sad" : paused ? "asleep" : "busy",
    blocks: [
      title(model),
      text(said),
      gap(),
      { kind: "bar", part, calm: paused || build.trouble !== undefined },
      pair(words.percent(part), total > 0 ? words.amount(done, total) : "", [
        "100%",
        words.amount(info.size, info.size),
      ]),
      {
        kind: "news",
        news: news(retrySeconds),
        color: stopping || build.trouble ? "bad" : "dim",
        pair: pair(writes && speed > 0 ? words.stick.atSpeed(speed) : "", left, [
          words.stick.atSpeed(1e9),
          words.left(3599),
        ]),
        holds: [
          ...Object.values(words.trouble).map((what) => words.retry(what, 999)),
          words.paused,
          words.stick.stop,
          words.stick.stops,
        ],
      },
      gap(),
      text(file ? words.stick.file[does](shown(file)) : words.stick.doing[doing](nameOf(stick)), {
        color: "dim",
      }),
      ...(written > 0 && fetched > 0
        ? [text(words.stick.downloaded(fetched, fetchedPerSecond), { color: "dim" })]
        : []),
    ],
    actions: stick.stops
      ? []
      : stopping
        ? keys
        : [...(doing === "check" ? [] : [pausing]), action("c", words.cancel, "askToStop")],
    heard: [
      words.heard.onStick(sentence(said).replace(/\.$/, ""), 10 * Math.floor(10 * part)),
      sentence(news(0)),
      ...(stopping && !stick.stops
        ? keys.map(({ keys: [key = ""], name: [full] }) => words.heard.press(key, sentence(full)))
        : []),
    ]
      .filter(Boolean)
      .join(" "),
  };
}

/** Of several pieces the one that starts, since there is no menu. */
function noMenu({ pieces: [first, ...more], start = first.name }: ImageInfo): Block[] {
  return more.length > 0 ? [text(words.several.noMenu(plain(start)), { color: "dim" })] : [];
}

function isOn(stick: string, { pieces: [first, ...more] }: ImageInfo): string {
  if (more.length > 0) return words.several.onStick(1 + more.length, stick);
  return words.stick.done(plain(first.name), stick);
}

/** All has been written; what is left is to eject it. */
function ejecting(
  model: Model,
  { system }: PageInfo,
  stick: StickState,
  did: "put" | "repair",
  info: ImageInfo,
): Screen {
  const { eject, boot, sure, mended } = words.stick;
  const name = nameOf(stick);
  return {
    kind: "pages",
    face: "glad",
    blocks: [
      title(model),
      text(did === "put" ? isOn(name, info) : mended(name), { color: "good" }),
      ...(did === "put" ? noMenu(info) : []),
      gap(),
      text(sure, { color: "dim" }),
      {
        kind: "row",
        actions: [
          action("v", words.stick.check, "checkStick"),
          action("m", words.stick.manage, "manageStick"),
          action("n", words.other, "pickAnother"),
        ],
      },
      ...step("boot", boot, [...words.steps.boot.text(), words.stick.uefi]),
    ],
    aside: step("eject", eject.title, [...eject[system ?? "unknown"], eject.why]),
    actions: [],
  };
}
