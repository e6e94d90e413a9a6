// os, 2026.11.24
// Turn any piece into an operating system on a USB stick.

/* #region 📚 README
  `os notepat`, or aesthetic.computer/os:notepat, lets this very browser build `notepat-os.iso`: a disk
  image that boots a computer straight to notepat. The page module (os/page.js) and its worker do the
  work and tell us of it in signals; this piece only draws what it is told and passes commands on. All
  that is said either way is in src/messages.ts.

    os               choose a piece           os notepat tiny   a flavor or version of base
    os notepat:arm   for a Raspberry Pi or ARM; "pc" for a PC
    os notepat       build it                 os clear          forget what is kept of base images
    os notepat line @jeffrey/frog             several on one stick, with a menu; os:notepat~line~@jeffrey/frog

  `screenOf` says which blocks are due, from top to bottom, and what can be done; `layout` turns them into
  things to draw, over as many pages as they need; `paint` draws those and `act` looks at them.

  Enter, Escape, Backspace, ` and $ are AC's own keys: Space does what Enter would, Delete what Backspace would.
#endregion */

import { addressOf, namedBy } from "../src/piece/address.ts";
import { layout } from "../src/piece/layout.ts";
import { dark, light } from "../src/piece/palette.ts";
import { called, machineIn, machineOf, otherMachine, qualifiersFor, wordOf } from "../src/piece/model.ts";
import { actionsOf, announcement, offersOf, screenOf, withMark } from "../src/piece/screens.ts";
import { words } from "../src/piece/words.ts";

/** @import { Command } from "../src/piece/blocks.ts" */
/** @import { Layout } from "../src/piece/layout.ts" */
/** @import { Model } from "../src/piece/model.ts" */
/** @import { PageMessage } from "../src/messages.ts" */

const { ceil, max, min } = Math;

const PAGE = "/aesthetic.computer/os/page.js?v=__OS_BUILD__";
const PAGE_TIMEOUT_TICKS = 20 * 120; // of sim, of which there are 120 a second
const BEAT_TICKS = 60;

// 🗂️ State
/** @type {Model} */
const os = {
  target: "",
  others: [],
  machine: "",
  phone: false,
  page: null,
  pageIsLate: false,
  build: null,
  cleared: null,
  unconfirmed: false,
  unfolded: false,
  waysShown: false,
  link: null,
  linking: false,
  stickQuestion: "",
  stickIsFat: false,
  stickManaged: false,
  image: null,
  imageShown: false,
  stopping: false,
  goesWithout: false,
  looking: "",
  typed: "",
  chosen: 0,
  marked: [],
  retrySeconds: 0,
  beat: 0,
};
/** @type {string[]} */
let qualifiers = []; // a flavor, version or architecture of base
let handle = ""; // whose, once AC says who is there
let visit = ""; // tells the page's answers to us from those to an earlier visit
let pageNumber = 0; // which page of the screen is shown, from 0
let ticks = 0;
/** @type {Layout | null} */
let drawn = null; // what `paint` has drawn, for `act` to look at
/** @type {Map<string, AcButton>} */
const buttons = new Map(); // AC's, by command
let previewed = "{}"; // where the page was told to show the bundle
let announced = ""; // what a screen reader was told
let dirty = true; // something has changed since

// AC's, the same in every phase.
let send, jump, needsPaint, notice;

// 🥾 Boot (Brings the page module in, which says "os:ready" when it runs.)
/** @param {Api} $ */
function boot($) {
  const { params, colon, platform, dom, num } = $;
  ({ send, jump, needsPaint, notice } = $);
  const wanted = namedBy(colon, params);
  [os.target = "", ...os.others] = wanted.pieces;
  qualifiers = [...wanted.qualifiers];
  os.machine = machineIn(qualifiers);
  os.phone = platform.iOS || platform.Android;
  visit = `${Date.now()}.${num.rand()}`;
  dom.html`<style>#content { pointer-events: none; }</style><script src="${PAGE}"></script>`;
}

// 🎨 Paint (Draws the screen and decides nothing.)
/** @param {Api} $ */
function paint({ wipe, ink, screen: { width, height }, dark: night, ui }) {
  const colors = night === false ? light : dark;
  os.retrySeconds = retrySeconds();
  drawn = layout(screenOf(os), width, height, pageNumber);
  pageNumber = drawn.page;

  wipe(...colors.back);
  for (let y = 0; y < height; y += 4 * drawn.unit) ink(...colors.scan).box(0, y, width, drawn.unit);
  for (const id of buttons.keys())
    if (!drawn.buttons.some(({ command }) => command === id)) buttons.delete(id);
  for (const it of drawn.items) {
    if (it.kind === "box") ink(...colors[it.color]).box(it.x, it.y, it.w, it.h);
    else if (it.kind === "text") ink(...colors[it.color]).write(it.text, { x: it.x, y: it.y, size: it.size });
    else if (it.kind === "button") {
      const { down } = buttonFor(ui, it);
      const [fill, edge] = [
        down ? "press" : it.chosen ? "track" : "panel",
        down || it.chosen ? "bar" : "edge",
      ];
      ink(...colors[fill]).box(it.x, it.y, it.w, it.h);
      ink(...colors[edge]).box(it.x, it.y, it.w, it.h, `inline:${it.unit}`);
    }
  }
  return false; // rests until needsPaint()
}

// 🎪 Act (Listens to the page, and to the person.)
/** @param {Api} $ */
function act({ event: e, user, handle: who }) {
  if (e.is("signal")) meet(user, who);
  if (e.is("signal")) for (const message of e.signal) hear(message);
  if (e.is("reframed") || e.is("dark-mode") || e.is("light-mode")) needsPaint();
  for (const { command } of drawn?.buttons ?? []) {
    const on = { down: needsPaint, cancel: needsPaint, push: () => perform(command) };
    buttons.get(command)?.act(e, on);
  }
  if (e.is("keyboard:down") && !e.ctrl && !e.alt) press(e.key, e.repeat);
}

// 🧮 Sim (Looks at the clock, and tells the page what has changed.)
/** @param {Api} $ */
function sim({ user, handle: who }) {
  ticks += 1;
  if (ticks % BEAT_TICKS === 0) meet(user, who);
  if (!os.page && !os.pageIsLate && ticks > PAGE_TIMEOUT_TICKS) {
    os.pageIsLate = true;
    changed();
  }
  if (ticks % BEAT_TICKS === 0 && screenOf(os).blocks.some(({ kind }) => kind === "dots")) {
    os.beat += 1;
    needsPaint();
  }
  if (retrySeconds() !== os.retrySeconds) needsPaint();
  if (!os.page || !drawn) return;
  const shown = drawn.preview ? { box: drawn.preview, of: os.looking || os.build?.info?.piece.name } : {};
  const place = JSON.stringify(shown);
  if (place !== previewed) tell("os:preview", shown);
  previewed = place;
  if (!dirty) return;
  dirty = false;
  const text = announcement(screenOf(os));
  if (text !== announced) tell("os:say", { text });
  announced = text;
}

// 🚪 Leave (A build goes on without us; the page takes the preview away.)
function leave() {
  const { stage, info, stick } = os.build ?? {};
  if (stick?.doing === "put" || stick?.doing === "repair") notice(words.stick.goesOn, ["white", "purple"]);
  if (os.image?.doing === "put" || os.image?.doing === "repair")
    notice(words.image.goesOn, ["white", "purple"]);
  if (info && stage === "saving") notice(words.goesOn(info.fileName), ["white", "purple"]);
}

// 📰 Meta (What a link to us says.)
function meta({ params, colon }) {
  const name = called(namedBy(colon, params).pieces);
  return { title: name ? words.title(name) : "os", desc: words.desc(name) };
}

export { boot, paint, act, sim, leave, meta };

/* #region 📨 Messages */

/** Take what the page says; what is for another visit is not for us. */
function hear(/** @type {PageMessage | undefined} */ message) {
  if (message?.type === "os:ready") tell("os:hello"); // the answer is for this visit, whoever said it
  if (message?.type === "os:ready" || message?.visit !== visit) return;
  if (message.type === "os:page") {
    if (os.page) return;
    os.page = message.page;
    if (os.target === "clear") tell("os:clear");
    else if (os.target) tell(os.phone ? "os:link" : "os:open", os.phone ? named() : asked());
  } else if (message.type === "os:state") {
    const doing = message.state.stick?.doing;
    if (message.state.stage !== os.build?.stage || doing !== os.build?.stick?.doing) {
      pageNumber = 0;
      os.stopping = false;
      os.looking = "";
    }
    if (doing) {
      os.stickQuestion = "";
      os.stickManaged = false;
    }
    if (doing === "look") os.stickIsFat = false; // it may be another one of the same name
    os.build = message.state;
  } else if (message.type === "os:image") {
    const { doing } = message.image;
    if (doing !== os.image?.doing) pageNumber = 0;
    os.imageShown ||= doing !== undefined; // one that was opened before is shown when it is asked for
    os.image = message.image;
  } else if (message.type === "os:press") {
    os.unconfirmed = true;
    if (os.target !== "clear") notice(words.press, ["white", "purple"]);
  } else if (message.type === "os:cleared") os.cleared = message;
  else if (message.type === "os:link") os.link = message;
  changed();
}

/** See who is there. AC knows late, and its newest runtime throws while nobody is. */
function meet(/** @type {unknown} */ user, /** @type {Api["handle"] | undefined} */ who) {
  if (handle || !user) return;
  try {
    handle = who?.() ?? "";
  } catch {}
  if (handle && os.build) tell("os:handle", { handle });
}

/** Say something to the page, which knows us by visit and piece. */
function tell(type, content = {}) {
  send({ type: "signal", content: { type, content: { visit, piece: os.target, ...content } } });
}

/** What a build is, beside its first piece. */
function named() {
  return { qualifiers, ...(os.others.length > 0 && { others: os.others }) };
}

/** The same for another computer, where something else may be suggested: what has been built here says what it is for. */
function elsewhere() {
  const { arch } = os.build?.info?.base ?? {};
  if (machineIn(qualifiers) || arch === undefined) return named();
  return { ...named(), qualifiers: qualifiersFor(wordOf(arch), qualifiers, os.page ?? {}) };
}

/** What a build is asked for by. */
function asked() {
  return { ...named(), ...(handle && { handle }) };
}

/** There is something new to be seen, and perhaps to be heard. */
function changed() {
  dirty = true;
  needsPaint();
}

/** Until it is tried again, as far as there is room for the digits; 0 when it is not, or now. */
function retrySeconds() {
  const trouble = os.imageShown ? os.image?.trouble : os.build?.trouble;
  const again = trouble?.again ?? 0;
  return max(0, min(999, ceil((again - Date.now()) / 1000)));
}
/* #endregion */

/* #region ⌨️ Commands */

/** What each does; `go:notepat` goes to the build of that piece, `use:camera` lets it, or not. */
const commands = {
  start: () => tell("os:start", { where: "downloads" }),
  choose: () => tell("os:start", { where: "choose" }),
  keep: () => tell("os:keep", { keep: !os.build?.keep.wanted }),
  sign: () => tell("os:sign", { sign: !os.build?.sign?.wanted }),
  pause: () => tell(os.build?.paused ? "os:resume" : "os:pause"),
  askToStop: () => (os.stopping = true),
  goOn: () => (os.stopping = false),
  stop() {
    os.stopping = false;
    tell("os:cancel");
  },
  open() {
    os.phone = false; // they know
    os.linking = false;
    tell("os:open", asked());
  },
  settings: () => tell("os:settings"),
  stick: () => tell("os:stick", { job: { do: "again" } }),
  anotherStick: () => tell("os:stick", { job: { do: "choose" } }),
  leaveStick: () => tell("os:stick", { job: { do: "leave" } }),
  stopStick() {
    os.stopping = false;
    tell("os:stick", { job: { do: "stop" } });
  },
  putOnStick: () => tell("os:stick", { job: { do: "put", replace: false } }),
  replaceOnStick: () => tell("os:stick", { job: { do: "put", replace: true } }),
  repairStick: () => tell("os:stick", { job: { do: "repair" } }),
  lookAtStick: () => tell("os:stick", { job: { do: "look" } }),
  checkStick: () => tell("os:stick", { job: { do: "check" } }),
  takeOffStick: () => tell("os:stick", { job: { do: "takeOff" } }),
  manageStick: () => (os.stickManaged = true),
  stickIsFat: () => (os.stickIsFat = true),
  showWays: () => (os.waysShown = true),
  onlyPiece: () => tell("os:only", { only: true }),
  wholeImage: () => tell("os:only", { only: false }),
  copyCommand() {
    tell("os:command");
    notice(words.alone.copied, ["white", "purple"]);
  },
  openImage: () => tell("os:image", { image: "choose" }),
  showImage: () => showImage(true),
  hideImage: () => showImage(false),
  checkImage: () => tell("os:image", { image: "check" }),
  repairImage: () => tell("os:image", { image: "repair" }),
  putIntoImage: () => tell("os:image", { image: "put" }),
  stopImage: () => tell("os:image", { image: "stop" }),
  copy() {
    tell("os:copy");
    notice(words.copied, ["white", "purple"]);
  },
  saveChecksum: () => tell("os:checksum"),
  unfold: () => (os.unfolded = true),
  clear() {
    os.unconfirmed = false;
    tell("os:clear");
  },
  link() {
    os.linking = true;
    tell("os:link", elsewhere());
  },
  closeLink: () => (os.linking = false),
  pickAnother: () => jump("os"),
  pickAgain() {
    Object.assign(os, { marked: [os.target, ...os.others], target: "", others: [], typed: "", chosen: 0 });
    os.looking = "";
  },
  forAnother() {
    const built = os.build?.info && os.target !== "" ? wordOf(os.build.info.base.arch) : machineOf(os);
    os.machine = otherMachine(built);
    if (os.target !== "") go([os.target, ...os.others], qualifiers);
  },
  buildMarked: () => go(os.marked, qualifiers),
  goWithout: () => (os.goesWithout = true),
  fetchAgain: () => tell("os:again"),
  showFirst() {
    tell("os:first", os.build?.info?.start === os.looking ? {} : { of: os.looking });
  },
  nextPage: () => turnPage(1),
  previousPage: () => turnPage(-1),
};

function perform(/** @type {Command} */ command) {
  if (command.startsWith("go:")) go([command.slice(3)]);
  else if (command.startsWith("mark:")) mark(command.slice(5));
  else if (command.startsWith("look:")) look(command.slice(5));
  else if (command.startsWith("include:")) {
    tell("os:include", { of: command.slice(8) });
    look("");
  } else if (command.startsWith("use:"))
    tell("os:allow", { use: command.slice(4), ...(os.looking && { of: os.looking }) });
  else if (command.startsWith("ask:"))
    os.stickQuestion = /** @type {Model["stickQuestion"]} */ (command.slice(4));
  else if (command.startsWith("starts:"))
    tell("os:stick", { job: { do: "start", folder: command.slice(7) } });
  else if (command.startsWith("remove:"))
    tell("os:stick", { job: { do: "remove", folder: command.slice(7) } });
  else commands[command]();
  changed();
}

/** Go to the build of these, for the machine that is chosen; of the words beside them it changes that one. */
function go(/** @type {readonly string[]} */ pieces, /** @type {readonly string[]} */ beside = []) {
  const wanted = namedBy([], pieces.join("~").split("~"));
  const machine = machineIn(wanted.qualifiers) || os.machine; // one that is typed counts
  const all = qualifiersFor(machine, [...wanted.qualifiers, ...beside], os.page ?? {});
  jump(addressOf({ ...wanted, qualifiers: all }));
}

/** Show the image on disk that is open, or the build. */
function showImage(shown) {
  os.imageShown = shown;
  pageNumber = 0;
}

/** Of pieces to choose from, by choosing the first on the page. */
function turnPage(by) {
  pageNumber += by;
  if (os.target === "") os.chosen = drawn?.firstOffers[drawn.page + by] ?? os.chosen;
}

/** A key was pressed: it may stand on the screen, turn the page, or belong to a name that is being typed. */
function press(key, repeat) {
  const name = key === " " ? "space" : key.toLowerCase();
  const screen = screenOf(os);
  if (screen.kind === "picker") return pick(name, key, screen.offers);
  const action = actionsOf(screen).find(({ keys }) => keys.includes(name));
  if (action && !repeat) perform(action.command);
  else if (/^(arrowright|space)$/.test(name) && drawn && pageNumber < drawn.pages - 1) perform("nextPage");
  else if (name === "arrowleft" && pageNumber > 0) perform("previousPage");
}

/** A key while a piece is chosen. With pieces that are marked it is another one to be marked. */
function pick(name, key, offers) {
  const isMarking = os.marked.length > 0;
  if (key === "*" && !isMarking) commands.forAnother();
  else if (name === "arrowdown") os.chosen = min(os.chosen + 1, offers.length - 1);
  else if (name === "arrowup") os.chosen = max(os.chosen - 1, 0);
  else if (/^[,+=]$/.test(key) || (isMarking && name === "space")) mark(offers[os.chosen]);
  else if (isMarking && /^(tab|arrowright)$/.test(name)) commands.buildMarked();
  else if (/^(space|tab|arrowright)$/.test(name)) perform(`go:${offers[os.chosen]}`);
  else if (/^(delete|arrowleft)$/.test(name)) retype(os.typed.slice(0, -1));
  else if (/^[\w@/.:-]$/.test(key)) retype(os.typed + key);
  else return;
  changed();
}

/** Put what is offered among the pieces that are built together, or take it away; then another can be typed. */
function mark(offer) {
  os.marked = withMark(os.marked, offer);
  os.typed = "";
  os.chosen = max(0, offersOf(os.page?.recent ?? [], "", os.marked).indexOf(offer));
}

/** Show one of several pieces, or all again. */
function look(name) {
  os.looking = name;
  pageNumber = 0;
}

function retype(text) {
  os.typed = text.slice(0, 60);
  os.chosen = 0;
}

/** AC's button for an item, where the item is now. */
function buttonFor(ui, { command, x, y, w, h }) {
  const button = buttons.get(command) ?? new ui.Button(x, y, w, h);
  buttons.set(command, button);
  Object.assign(button.box, { x, y, w, h });
  return button;
}
/* #endregion */
