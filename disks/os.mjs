// os, 2026.11.24
// Turn any piece into an operating system on a USB stick.

/* #region 📚 README
  `os notepat`, or aesthetic.computer/os:notepat, lets this very browser build `notepat-os.iso`: a disk
  image that starts a computer straight into notepat. The page module (os/page.js) and its worker do the
  work and tell us of it in signals; this piece only draws what it is told and passes wishes on. All that
  is said either way is in src/messages.ts.

    os               choose a piece           os notepat tiny   a flavor, version or architecture of base
    os notepat       build it                 os clear          forget what is kept of base images

  Each screen is a function that returns blocks, from top to bottom, and what can be done. `layout` turns
  blocks into things to draw, over as many pages as they need; `paint` draws them and `act` looks at them.
  A block knows nothing of pixels, so any screen fits any canvas.

  Enter, Escape, Backspace, ` and $ are AC's own keys: Space does what Enter would, Delete what Backspace would.
#endregion */

const { ceil, floor, max, min } = Math;

const PAGE = "/aesthetic.computer/os/page.js?v=__OS_BUILD__";
const PATIENCE = 20 * 120; // ticks of sim: how long the page module may take to load
const STEP = 60; // ticks of sim between two looks of what shows that we wait

// 💬 Everything this piece says. ASCII, as the typeface is. For another language, translate this.
const words = {
  title: (piece) => `${piece} os`,
  desc: (piece) =>
    `Turn ${piece || "any piece"} into an operating system: a disk image, built in your browser.`,
  loading: "Loading...",
  noPage: "The part of os that builds images did not load. Check your connection and reload the page.",
  press: (key, what) => `${key}: ${what}.`,
  keys: { space: "Space", arrowright: "Right arrow", arrowleft: "Left arrow" },

  choose: "Choose a piece",
  choosing: "A computer will start straight into it.",
  typing: "Type a name, or take one of these. Arrows move, Space chooses, Delete erases.",
  kidlisp: "For KidLisp, type os $cow at the prompt.",
  recent: "built lately",
  kept: (bytes) => `${size(bytes)} of base images are kept in this browser. "os clear" frees them.`,
  chosen: (name, number, all) => `${name}, ${number} of ${all}.`,

  clearing: "Clearing what is kept in this browser...",
  cleared: (bytes) => (bytes > 0 ? `${size(bytes)} freed in this browser.` : "Nothing was kept."),

  phone: "A phone or tablet cannot write a USB stick. Open this on a computer:",
  phoneToo: "The file can be saved here all the same, if there is room for it.",
  elsewhere: "To do this on another computer, open:",
  linking: "Making a link...",

  preparing: "Asking for the piece and the base image...",
  file: "File",
  fileOf: (name, bytes) => `${name}, ${size(bytes)}`,
  download: "Download",
  downloadOf: (bytes, here) => {
    if (here <= 0) return size(bytes);
    return here < bytes
      ? `${size(bytes - here)} (${size(here)} are here)`
      : `nothing, ${size(here)} are here`;
  },
  base: "Base",
  baseOf: ({ flavor, version, arch, created }) => `${flavor} ${version}, ${arch}, made ${date(created)}`,
  piece: "Piece",
  pieceOf: (name, bytes) => `${name}, ${size(bytes)}`,
  sha256: "SHA-256",
  unfinished: (name) => `${name} was begun and is unfinished. Continue goes on with it.`,
  keep: (bytes) => `Keep the base for the next piece (${size(bytes)})`,

  starting: "Waiting for your browser to start the download. It may ask you to allow it.",
  startingChosen: "Choose where the file is to go.",
  saving: (name) => `Saving ${name}`,
  percent: (part) => `${floor(100 * part)}%`,
  amount: (written, all) => `${thousands(written / 1e6)} of ${thousands(all / 1e6)} MB`,
  fetched: (bytes, all) => `${thousands(bytes / 1e6)} of ${thousands(all / 1e6)} MB downloaded`,
  speed: (bytes) => `${(bytes / 1e6).toFixed(1)} MB/s`,
  left: (seconds) => `${duration(seconds)} left`,
  paused: "Paused.",
  stop: "Stop and throw away what is saved?",
  trouble: {
    offline: "This computer is offline",
    lost: "Connection lost",
    busy: "The server is busy",
    refused: "The server refuses",
    wrong: "Wrong bytes came",
  },
  retry: (what, seconds) =>
    seconds > 0 ? `${what}, trying again in ${seconds} s...` : `${what}, trying again...`,
  heard: (name, percent) => `Saving ${name}, ${percent} percent.`,
  goesOn: (name) => `Still saving ${name}`,

  done: (name) => `${name} is in your downloads.`,
  doneChosen: (name) => `${name} is where you wanted it.`,
  keeps: (bytes) => `The base stays in this browser for the next piece (${size(bytes)}).`,
  keepsNot: "The base is not kept in this browser.",
  next: "Next: write it to a USB stick.",
  copied: "SHA-256 copied",

  steps: [
    {
      picture: "flash",
      title: "1. Write it to a USB stick",
      text: (name) => [
        "Get balenaEtcher from etcher.balena.io and start it.",
        `"Flash from file": ${name}.`,
        '"Select target": your stick.',
        '"Flash!", and wait for its check.',
        "Everything on the stick is lost.",
      ],
    },
    {
      picture: "format",
      title: '2. Windows says "format"? Cancel',
      text: () => [
        "Windows may offer to format the stick, once or twice. Press Cancel.",
        "It cannot read what is on it, and that is fine: the stick is not broken.",
      ],
    },
    {
      picture: "boot",
      title: "3. Start a computer from it",
      text: () => [
        "Put the stick in and turn the computer on. Press the key for its boot menu again and again, then choose the USB stick. Secure Boot may stay on.",
      ],
      cells: [
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
    },
    {
      picture: "reset",
      title: "4. To get the stick back",
      text: () => [
        'Windows: Rufus, with "Non bootable".',
        "Mac: Disk Utility, Show All Devices, the stick itself, Erase.",
        'Linux: Disks, the stick, "Format Disk".',
      ],
    },
  ],
  format: { title: "Windows", text: "Format disk?", yes: "Format", no: "Cancel" },

  // What can be pressed: in full, and where there is little room.
  start: ["Start", "Start"],
  where: ["Choose where", "Where"],
  goOn: ["Continue", "Go on"],
  link: ["Link", "Link"],
  back: ["Back", "Back"],
  anyway: ["Build it here", "Here"],
  pause: ["Pause", "Pause"],
  resume: ["Resume", "Resume"],
  cancel: ["Cancel", "Cancel"],
  yes: ["Yes, stop", "Yes"],
  no: ["No, go on", "No"],
  copy: ["Copy SHA-256", "Copy"],
  checksum: ["Save .sha256", "Save"],
  again: ["Try again", "Again"],
  once: ["Build again", "Again"],
  other: ["Another piece", "Other"],
  forward: ">",
  backward: "<",
  months: "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" "),
};

/** Pieces of AC's own that need nothing but themselves. */
const SUGGESTED = ["notepat", "prompt", "line", "wand", "starfield", "metronome", "bleep", "tone", "melody"];

// 🎨 Two palettes of the same names.
const dark = {
  back: [24, 10, 40],
  scan: [29, 13, 48],
  panel: [40, 18, 64],
  edge: [120, 56, 150],
  title: [255, 120, 200],
  shade: [92, 30, 110],
  text: [232, 216, 248],
  dim: [158, 132, 190],
  track: [58, 32, 88],
  from: [130, 70, 220],
  bar: [255, 92, 180],
  press: [110, 36, 120],
  key: [255, 150, 214],
  good: [130, 240, 170],
  bad: [255, 150, 120],
  glass: [18, 6, 32],
  body: [214, 110, 220],
  light: [255, 190, 236],
  paper: [246, 236, 252],
};
const light = {
  back: [252, 240, 250],
  scan: [248, 232, 247],
  panel: [244, 222, 244],
  edge: [206, 130, 200],
  title: [190, 30, 120],
  shade: [240, 196, 228],
  text: [60, 24, 84],
  dim: [122, 86, 146],
  track: [232, 206, 236],
  from: [140, 80, 220],
  bar: [220, 50, 140],
  press: [246, 176, 220],
  key: [180, 20, 120],
  good: [16, 112, 64],
  bad: [186, 46, 20],
  glass: [70, 30, 96],
  body: [196, 90, 200],
  light: [255, 190, 236],
  paper: [255, 252, 255],
};

/**
 * @typedef {import("../src/messages.ts").PageInfo} PageInfo
 * @typedef {import("../src/messages.ts").BuildState} BuildState
 * @typedef {BuildState & { info: import("../src/messages.ts").ImageInfo }} Known
 * @typedef {{ kind: string, [more: string]: any }} Block
 * @typedef {{ kind: string, x: number, y: number, [more: string]: any }} Item
 * @typedef {{ keys: string[], full: string, short: string, other: string, says: string, act: string }} Action
 * @typedef {{ blocks: Block[], actions: Action[], aside?: Block, offers?: string[], heard?: string, only?: boolean, one?: boolean }} Screen
 * @typedef {{ h: number, items?: (x: number, y: number) => Item[] }} Strip
 */

/* 🗂️ State */
let target = ""; // the piece to build, as the person named it
/** @type {string[]} */
let qualifiers = []; // what followed its name
let visit = ""; // tells the page's answers to us from those to an earlier visit
let phone = false;
/** @type {PageInfo | null} */
let page = null; // what the page can do, once it is there
/** @type {BuildState | null} */
let state = null; // what the page said last
/** @type {{ bytes: number, message?: string } | null} */
let cleared = null;
/** @type {{ url: string, qr: readonly string[] } | null} */
let link = null;
let linking = false; // the link is shown instead of the build
let asking = false; // whether to stop
let turn = 0; // which page of a screen is shown
let typed = ""; // while choosing a piece
let chosen = 0; // which of those offered
let waited = 0; // ticks without a sign of the page
let ticks = 0;

/** @type {ReturnType<typeof layout> | null} */
let drawn = null; // what `paint` has drawn, for `act` to look at
/** @type {Map<string, any>} */
const buttons = new Map(); // AC's, by what they do
let seconds = 0; // until the next try, as drawn
let shownBox = "null"; // of the preview, as the page was told
let told = ""; // to those who hear the page
let unsaid = true; // something has changed since

// AC's, the same in every phase.
let send, jump, needsPaint, notice;

// 🥾 Boot (Brings the page module in, which says "os:ready" when it runs.)
/** @param {Api} $ */
function boot($) {
  const { params, colon, platform, dom } = $;
  ({ send, jump, needsPaint, notice } = $);
  const named = [...(colon ?? []), ...params].filter((word) => word !== "");
  [target = "", ...qualifiers] = named;
  visit = `${Date.now()}.${Math.random()}`;
  phone = platform.iOS || platform.Android;
  dom.html`<style>#content { pointer-events: none; }</style><script src="${PAGE}"></script>`;
}

// 🎨 Paint (Draws the screen and decides nothing.)
/** @param {Api} $ */
function paint({ wipe, ink, screen, dark: night, ui }) {
  const colors = night === false ? light : dark;
  const { width, height } = screen;
  seconds = secondsLeft();
  drawn = layout(current(), frameOf(width, height), turn);
  turn = drawn.turn;

  wipe(colors.back);
  for (let y = 0; y < height; y += 4 * drawn.unit) ink(colors.scan).box(0, y, width, drawn.unit);
  for (const id of buttons.keys()) if (!drawn.buttons.some((it) => it.id === id)) buttons.delete(id);
  for (const it of drawn.items) {
    const color = Array.isArray(it.color) ? it.color : colors[it.color];
    if (it.kind === "box") ink(color).box(it.x, it.y, it.w, it.h);
    else if (it.kind === "text") ink(color).write(it.text, { x: it.x, y: it.y, size: it.size });
    else if (it.kind === "button") {
      const button = buttonFor(ui, it);
      const fill = button.down ? "press" : it.chosen ? "track" : "panel";
      ink(colors[fill]).box(it.x, it.y, it.w, it.h);
      ink(colors[it.chosen || button.down ? "bar" : "edge"]).box(it.x, it.y, it.w, it.h, `inline:${it.unit}`);
    }
  }
  return false; // rests until needsPaint()
}

// 🎪 Act (Listens to the page, and to the person.)
/** @param {Api} $ */
function act({ event: e }) {
  if (e.is("signal")) for (const message of e.signal) hear(message);
  if (e.is("reframed") || e.is("dark-mode") || e.is("light-mode")) needsPaint();
  for (const { id, act: deed } of drawn?.buttons ?? []) {
    const on = { down: needsPaint, cancel: needsPaint, push: () => perform(deed) };
    buttons.get(id)?.act(e, on);
  }
  if (e.is("keyboard:down") && !e.ctrl && !e.alt) press(e.key, e.repeat);
}

// 🧮 Sim (Looks at the clock, and tells the page what has changed.)
function sim() {
  ticks += 1;
  if (!page && waited <= PATIENCE) {
    waited += 1;
    if (waited > PATIENCE) changed();
  }
  if (waits() && ticks % STEP === 0) needsPaint();
  if (secondsLeft() !== seconds) needsPaint();
  if (!page || !drawn) return;
  const box = JSON.stringify(drawn.preview);
  if (box !== shownBox) {
    shownBox = box;
    tell("os:preview", drawn.preview ? { box: drawn.preview } : {});
  }
  if (!unsaid) return;
  unsaid = false;
  const text = spoken(current());
  if (text === told) return;
  told = text;
  tell("os:say", { text });
}

// 🚪 Leave (A build goes on without us; the page takes the preview away.)
function leave() {
  if (state?.info && state.stage === "saving") notice(words.goesOn(state.info.fileName), ["white", "purple"]);
}

// 🔗 Meta (What a link to us says.)
function meta({ params, colon }) {
  const name = plain(colon?.[0] || params?.[0] || "");
  return { title: name ? words.title(name) : "os", desc: words.desc(name) };
}

/* #region 📨 Messages */

/** Takes what the page says; what is for another visit is not for us. */
function hear(message) {
  if (message?.type === "os:ready") {
    if (page) return;
    page = message.page;
    if (target === "clear") tell("os:clear");
    else if (target && phone) tell("os:link");
    else if (target) tell("os:open", { qualifiers });
  } else if (message?.visit !== visit) return;
  else if (message.type === "os:state") {
    if (message.state.stage !== state?.stage) {
      turn = 0;
      asking = false;
    }
    ({ state } = message);
  } else if (message.type === "os:cleared") cleared = message;
  else if (message.type === "os:link") link = message;
  changed();
}

/** Says something to the page, which knows us by visit and piece. */
function tell(type, content = {}) {
  send({ type: "signal", content: { type, content: { visit, piece: target, ...content } } });
}

/** There is something new to be seen, and perhaps to be heard. */
function changed() {
  unsaid = true;
  needsPaint();
}

/** What can be done, by the name that actions have for it. */
const deeds = {
  start: () => tell("os:start", { where: "downloads" }),
  where: () => tell("os:start", { where: "choose" }),
  keep: () => tell("os:keep", { keep: !state?.keep.wanted }),
  pause: () => tell(state?.paused ? "os:resume" : "os:pause"),
  ask: () => (asking = true),
  no: () => (asking = false),
  cancel: () => {
    asking = false;
    tell("os:cancel");
  },
  open: () => {
    phone = false; // they know
    linking = false;
    tell("os:open", { qualifiers });
  },
  copy: () => {
    tell("os:copy");
    notice(words.copied, ["white", "purple"]);
  },
  checksum: () => tell("os:checksum"),
  link: () => {
    linking = true;
    tell("os:link");
  },
  back: () => (linking = false),
  other: () => jump("os"),
  forward: () => leaf(1),
  backward: () => leaf(-1),
};

/** Turns pages; of pieces to choose from, by choosing the first on the page. */
function leaf(by) {
  turn += by;
  if (drawn && target === "") chosen = drawn.starts[drawn.turn + by] ?? chosen;
}

/** Does one of the deeds, or goes to a piece: `go:notepat`. */
function perform(deed) {
  if (deed.startsWith("go:")) jump(`os:${deed.slice(3)}`);
  else deeds[deed]();
  changed();
}

/** A key was pressed: it may stand on the screen, turn the page, or belong to a name that is being typed. */
function press(key, repeat) {
  const name = key === " " ? "space" : key.toLowerCase();
  const screen = current();
  if (screen.offers) return choose(name, key, screen.offers);
  const action = allActions(screen).find(({ keys }) => keys.includes(name));
  if (action && !repeat) perform(action.act);
  else if (/^(arrowright|space)$/.test(name) && drawn && turn < drawn.pages - 1) perform("forward");
  else if (name === "arrowleft" && turn > 0) perform("backward");
}

/** A key while a piece is chosen. */
function choose(name, key, offers) {
  if (name === "arrowdown") chosen = min(chosen + 1, offers.length - 1);
  else if (name === "arrowup") chosen = max(chosen - 1, 0);
  else if (name === "space" || name === "tab" || name === "arrowright") perform(`go:${offers[chosen]}`);
  else if (name === "delete" || name === "arrowleft") retype(typed.slice(0, -1));
  else if (/^[\w@/.:-]$/.test(key)) retype(typed + key);
  else return;
  changed();
}

function retype(text) {
  typed = text.slice(0, 60);
  chosen = 0;
}
/* #endregion */

/* #region 🪟 Screens: each returns blocks, from top to bottom, and actions, for the bottom of the canvas. */

/**
 * The screen that is due.
 * @returns {Screen}
 */
function current() {
  if (!page) return waited > PATIENCE ? troubled(words.noPage) : waiting(words.loading);
  if (target === "") return picker(page);
  if (target === "clear") return clearing();
  if (linking || (phone && !state)) return linked();
  if (!state) return waiting(words.preparing);
  const { stage, info } = state;
  if (stage === "starting") return starting(state);
  if (stage === "failed" || stage === "cancelled") return ended(state);
  if (stage === "preparing" || !info) {
    const held = state.trouble && words.retry(words.trouble[state.trouble.kind], seconds);
    return waiting(held || words.preparing, [action("c", words.cancel, "cancel")]);
  }
  const known = { ...state, info };
  if (stage === "ready") return ready(known, page);
  return stage === "saving" ? saving(known) : done(known);
}

/** @param {string} sentence @param {Action[]} actions @returns {Screen} */
function waiting(sentence, actions = []) {
  return { blocks: [heading("busy"), text(sentence), { kind: "dots" }], actions };
}

function troubled(sentence) {
  return { blocks: [heading("sad"), text(sentence, "bad")], actions: [] };
}

/** @param {PageInfo} page @returns {Screen} */
function picker({ recent, kept }) {
  const known = [...new Set([...recent, ...SUGGESTED])];
  const matching = known.filter((name) => name.includes(typed) && name !== typed);
  const offers = typed ? [typed, ...matching] : known;
  const rows = offers.map((name, i) => ({
    kind: "choice",
    label: plain(name),
    note: recent.includes(name) ? words.recent : "",
    act: `go:${name}`,
    keys: [],
    chosen: i === chosen,
    number: i,
  }));
  return {
    offers,
    blocks: [
      heading("glad", words.choose),
      text(words.choosing, "text", ""),
      text(words.typing, "dim", ""),
      { kind: "input", text: typed },
      ...rows,
      gap(),
      text(words.kidlisp, "dim"),
      ...(kept > 0 ? [text(words.kept(kept), "dim")] : []),
    ],
    actions: [],
    heard: words.chosen(plain(offers[chosen] ?? ""), chosen + 1, offers.length),
  };
}

function clearing() {
  const answer = cleared && (cleared.message ?? words.cleared(cleared.bytes));
  return {
    blocks: [
      heading(cleared?.message ? "sad" : cleared ? "glad" : "busy", "os"),
      answer ? text(answer, cleared?.message ? "bad" : "good") : text(words.clearing),
    ],
    actions: cleared ? [action("n", words.other, "other")] : [],
  };
}

/** The address of this build, for another machine. */
function linked() {
  const here = phone && !state;
  return {
    blocks: [
      heading("calm"),
      text(here ? words.phone : words.elsewhere),
      ...(link ? [text(link.url, "title"), { kind: "qr", rows: link.qr }] : [text(words.linking, "dim")]),
      ...(here ? [text(words.phoneToo, "dim")] : []),
    ],
    actions: [here ? action("b", words.anyway, "open") : action("b", words.back, "back")],
  };
}

/** @param {Known} state @param {PageInfo} page @returns {Screen} */
function ready({ info, keep, unfinished }, { choose: canChoose }) {
  return {
    blocks: [
      heading("calm"),
      field(words.file, words.fileOf(info.fileName, info.size), true),
      field(words.download, words.downloadOf(info.download, info.here)),
      field(words.base, words.baseOf(info.base)),
      field(words.piece, words.pieceOf(info.piece.name, info.piece.size)),
      sha256(info.sha256),
      ...(unfinished ? [text(words.unfinished(info.fileName), "good")] : []),
      ...(keep.possible
        ? [gap(), choice("k", words.keep(info.download), "keep", { checked: keep.wanted })]
        : []),
    ],
    aside: { kind: "preview" },
    actions: [
      action("s space", words.start, "start"),
      ...(canChoose ? [action("w", unfinished ? words.goOn : words.where, "where")] : []),
      action("l", words.link, "link"),
    ],
  };
}

/** @param {BuildState} state */
function starting({ where }) {
  const sentence = where === "chosen" ? words.startingChosen : words.starting;
  return waiting(sentence, [action("c", words.cancel, "cancel")]);
}

/** @param {Known} state @returns {Screen} */
function saving({ info, written, fetched, bytesPerSecond: speed, paused, trouble }) {
  const part = info.size > 0 ? written / info.size : 0;
  const left = speed > 0 ? words.left((info.size - written) / speed) : "";
  // All that may stand in one place, so that nothing moves when one takes the other's.
  const troubles = Object.values(words.trouble).map((what) => words.retry(what, 999));
  const held = trouble && !paused ? words.trouble[trouble.kind] : "";
  const news = asking ? words.stop : paused ? words.paused : held && words.retry(held, seconds);
  const percent = words.percent(part);
  return {
    blocks: [
      heading(trouble ? "sad" : paused ? "asleep" : "busy"),
      text(words.saving(info.fileName), "text", info.fileName),
      gap(),
      { kind: "bar", part, calm: paused || Boolean(trouble) },
      pair(percent, words.amount(written, info.size), ["100%", words.amount(info.size, info.size)]),
      {
        kind: "place",
        holds: [...troubles, words.paused, words.stop],
        news,
        color: asking || trouble ? "bad" : "dim",
        pair: pair(speed > 0 ? words.speed(speed) : "", left, [words.speed(1e9), words.left(3599)]),
      },
      gap(),
      text(words.fetched(min(fetched, info.download), info.download), "dim"),
      sha256(info.sha256),
    ],
    actions: asking
      ? [action("y", words.yes, "cancel"), action("n", words.no, "no")]
      : [
          paused
            ? action("p space", words.resume, "pause", words.pause[0])
            : action("p space", words.pause, "pause", words.resume[0]),
          action("c", words.cancel, "ask"),
        ],
    // Every tenth is heard, and what keeps it from getting on, without the seconds.
    heard: [
      words.heard(info.fileName, 10 * floor(10 * part)),
      asking || !held ? news : words.retry(held, 0),
      asking ? `${words.press("y", words.yes[0])} ${words.press("n", words.no[0])}` : "",
    ]
      .filter(Boolean)
      .join(" "),
    only: true,
    one: true,
  };
}

/** @param {Known} state @returns {Screen} */
function done({ info, keep, where }) {
  const sentence = where === "chosen" ? words.doneChosen : words.done;
  return {
    blocks: [
      heading("glad"),
      text(sentence(info.fileName), "good"),
      sha256(info.sha256),
      gap(),
      {
        kind: "row",
        actions: [
          action("h", words.copy, "copy"),
          action("j", words.checksum, "checksum"),
          action("r", words.once, "open"),
          action("n", words.other, "other"),
        ],
      },
      gap(),
      text(keep.wanted && keep.bytes > 0 ? words.keeps(keep.bytes) : words.keepsNot, "dim"),
      text(words.next, "title"),
      ...words.steps.flatMap((step) => [
        { kind: "break" },
        text(step.title, "title"),
        { kind: "picture", name: step.picture },
        ...step.text(info.fileName).map((line) => text(line)),
        ...(step.cells ? [gap(), { kind: "cells", cells: step.cells }] : []),
      ]),
    ],
    actions: [],
  };
}

/** @param {BuildState} state @returns {Screen} */
function ended({ stage, message = "" }) {
  const failed = stage === "failed";
  return {
    blocks: [heading(failed ? "sad" : "calm"), text(message, failed ? "bad" : "text")],
    actions: [action("r", words.again, "open"), action("n", words.other, "other")],
  };
}

/**
 * What a person who does not see the canvas is told of it.
 * @param {Screen} screen
 */
function spoken({ blocks, actions, heard, only }) {
  const all = allActions({ blocks, actions }).filter(({ keys }) => keys.length > 0);
  const keys = all.map(({ keys: [key], says }) => words.press(words.keys[key] ?? key, says));
  return [...(only ? [] : blocks.map(textOf)), heard, ...(only ? [] : keys)].filter(Boolean).join(" ");
}

/** @param {Block} block */
function textOf({ kind, text: said, label, value, hex, cells = [] }) {
  if (kind === "choice" || kind === "input") return ""; // a key, or spoken when it is chosen
  return [label, said, value, hex, cells.join("; ")].filter(Boolean).join(" ");
}

/**
 * Those at the bottom and those among the blocks.
 * @param {{ blocks: any[], actions: any[] }} screen
 */
function allActions({ blocks, actions }) {
  return [
    ...actions,
    ...blocks.flatMap((block) => (block.kind === "choice" ? [block] : (block.actions ?? []))),
  ];
}
/* #endregion */

/* #region 🧱 Blocks */
/** @returns {Block} */
const heading = (face, said = words.title(plain(target))) => ({ kind: "heading", face, text: said });
/** `brief` is said instead where there is little room. @returns {Block} */
const text = (said, color = "text", brief = said) => ({ kind: "text", text: said, color, brief });
/** `clear`: what it is can be seen without its label, where there is little room. */
const field = (label, value, clear = false) => ({ kind: "field", label, value, clear });
const sha256 = (hex) => ({ kind: "sha256", label: words.sha256, hex });
/** @returns {Block} */
const gap = () => ({ kind: "gap" });
const pair = (left, right, widest) => ({ kind: "pair", left, right, widest });
/** @returns {Block} */
const choice = (key, label, deed, more = {}) => ({
  kind: "choice",
  label,
  says: label,
  act: deed,
  keys: [key],
  ...more,
});
/**
 * `keys` are names with spaces between; the first is shown. `[full, short]` are what it is called, and
 * `other` what it is called at other times: it keeps room for both.
 * @param {string} keys @param {string[]} names @param {string} deed @returns {Action}
 */
const action = (keys, [full = "", short = ""], deed, other = "") => ({
  keys: keys.split(" "),
  full,
  short,
  other,
  says: full,
  act: deed,
});
/* #endregion */

/* #region 📐 Layout: blocks → things to draw, on pages. Pure. */

/** Where things go on a canvas. A unit is a pixel of the typeface, and grows with the canvas. */
function frameOf(width, height) {
  const unit = max(1, floor(min(width / 400, height / 240)));
  const w = max(1, min(width - 12 * unit, 78 * 6 * unit));
  const roomy = height / unit >= 170 && width / unit >= 170;
  return {
    width,
    height,
    unit,
    x: floor((width - w) / 2),
    w,
    top: height < 60 ? 2 : unit > 1 ? 14 + 8 * unit : 22, // below AC's corner label, which does not grow
    line: (roomy ? 13 : 10) * unit,
    roomy,
  };
}

/**
 * Lays `screen` out. What does not fit on a page goes on to the next; a picture to the side stands beside
 * the text where there is room, and else below it.
 * @param {Screen} screen @param {ReturnType<typeof frameOf>} frame @param {number} wanted
 */
function layout(screen, frame, wanted) {
  let { pages, bar } = flow(screen, frame, false);
  if (pages.length > 1 && !screen.one) ({ pages, bar } = flow(screen, frame, true));
  const marked = pages.findIndex((items) => items.some(({ chosen: here }) => here));
  const at = max(0, screen.offers ? marked : min(wanted, pages.length - 1));
  const count = screen.one ? 1 : pages.length;
  const items = [...(pages[at] ?? []), ...bar.items(at, count)];
  if (frame.roomy) items.push(...standing(screen.blocks[0]?.face ?? "calm", items, frame, bar.h));
  const box = items.find(({ kind }) => kind === "preview");
  return {
    unit: frame.unit,
    items,
    buttons: items.filter(({ kind }) => kind === "button"),
    pages: count,
    /** The first of the offers on each page. */
    starts: pages.map((each) => each.find(({ number }) => number >= 0)?.number),
    turn: at,
    preview: box
      ? {
          x: box.x / frame.width,
          y: box.y / frame.height,
          width: box.w / frame.width,
          height: box.h / frame.height,
        }
      : null,
  };
}

/** The pal, on the bar at the bottom to the right, as large as what is above leaves room for. */
function standing(face, items, { width, height, unit, x, w }, barHeight) {
  const floorY = height - (barHeight || 6 * unit);
  for (const scale of [5 * unit, 4 * unit, 3 * unit, 2 * unit]) {
    const left = x + w - 22 * scale;
    const top = floorY - PAL.h * scale;
    const taken = items.some((it) => {
      const right = it.x + (it.w ?? it.text.length * 6 * it.size);
      const bottom = it.y + (it.h ?? 9 * it.size);
      return it.y < floorY && right > left - 6 * unit && bottom > top - 6 * unit;
    });
    if (!taken && width > 44 * scale) return pal(face, left, top, scale);
  }
  return [];
}

/**
 * Strips of blocks on pages above the actions; `pager` is whether these leave room to turn the page.
 * @param {Screen} screen @param {ReturnType<typeof frameOf>} frame @param {boolean} pager
 */
function flow({ blocks, actions, aside, offers }, frame, pager) {
  const { unit, top, height, w } = frame;
  const bar = actionBar(actions, frame, pager);
  const room = max(frame.line, height - bar.h - 2 * unit - top);
  const beside = aside && w / unit >= 300 && room / unit >= 90;
  const column = beside ? { ...frame, w: floor((w * 0.56) / unit) * unit } : frame;
  const strips = blocks.flatMap((block) => stripsOf(block, column, room));
  if (aside && !beside) strips.push({ h: 6 * unit }, ...stripsOf(aside, frame, room));

  /** @type {Item[][]} */
  const pages = [[]];
  let y = 0;
  for (const strip of strips) {
    if (strip.h === Infinity || (y > 0 && y + strip.h > room)) {
      pages.push([]);
      y = 0;
    }
    if (strip.h === Infinity || (y === 0 && !strip.items)) continue; // no gap at the top
    for (const item of strip.items?.(frame.x, top + y) ?? []) pages.at(-1)?.push(item);
    y += strip.h;
  }
  if (beside) {
    const [strip] = stripsOf(aside, { ...frame, w: w - column.w - 8 * unit }, room);
    for (const items of pages) items.push(...strip.items(frame.x + column.w + 8 * unit, top));
  }
  // After the last of the offers come but hints, which are not worth a page.
  return { pages: offers ? pages.filter((items) => items.some(({ number }) => number >= 0)) : pages, bar };
}

/** What can be done, in rows at the bottom, and the pages to turn. `h` is the height of it all. */
function actionBar(actions, { x, w, width, height, unit, roomy }, pager) {
  const tall = (roomy ? 19 : 15) * unit;
  const between = 4 * unit;
  const turning = pager ? 2 * buttonWidth("<", unit) + 6 * 5 * unit : 0;
  if (height < 60 || (actions.length === 0 && !pager)) return { h: 0, items: () => [] };

  const rows = rowsOf(actions, x, w, unit);
  const used = rows.at(-1)?.reduce((sum, { wide }) => sum + wide + between, 0) ?? 0;
  if (pager && (rows.length === 0 || used + turning > w)) rows.push([]);
  const h = rows.length * (tall + between) + between;
  const top = height - h;
  return {
    h,
    items(at, pages) {
      const items = [box(0, top, width, h, "panel"), box(0, top, width, unit, "edge")];
      rows.forEach((row, i) => {
        const y = top + between + i * (tall + between);
        for (const each of row) items.push(...labelled(each, y, tall, unit));
      });
      if (pages < 2) return items;
      const y = height - tall - between;
      const inner = y + floor((tall - 9 * unit) / 2);
      const one = buttonWidth("<", unit);
      const right = x + w - one;
      const count = `${at + 1}/${pages}`;
      const turnTo = (label, deed, left) => [
        hit({ id: deed, act: deed, x: left, y, w: one, h: tall, unit }),
        write(label, left + 4 * unit, inner, unit, "key"),
      ];
      if (at > 0) items.push(...turnTo(words.backward, "backward", right - one - 30 * unit));
      if (at < pages - 1) items.push(...turnTo(words.forward, "forward", right));
      items.push(write(count, right - 15 * unit - 3 * count.length * unit, inner, unit, "dim"));
      return items;
    },
  };
}

/** Actions in rows of no more than `w`, by their short names if the full ones need several. */
function rowsOf(actions, x, w, unit) {
  const broken = (name) => {
    /** @type {any[][]} */
    const rows = [];
    let used = w;
    for (const each of actions) {
      const wide = buttonWidth(`${each.keys[0]} ${each[name].padEnd(each.other.length)}`, unit);
      if (used + wide > w) {
        rows.push([]);
        used = 0;
      }
      rows.at(-1)?.push({ ...each, x: x + used, wide, label: each[name] });
      used += wide + 4 * unit;
    }
    return rows;
  };
  const full = broken("full");
  return full.length > 1 ? broken("short") : full;
}

/** A button with its key and what it does. */
function labelled({ keys, label, act: deed, x, wide }, y, tall, unit) {
  const inner = y + floor((tall - 9 * unit) / 2);
  return [
    hit({ id: deed, act: deed, x, y, w: wide, h: tall, unit }),
    write(keys[0], x + 4 * unit, inner, unit, "key"),
    write(label, x + (4 + 6 * (keys[0].length + 1)) * unit, inner, unit, "text"),
  ];
}

/** A block as strips that a page cannot cut: each has a height, and things to draw at a place. */
function stripsOf(block, frame, room) {
  const { unit, w, line, roomy } = frame;
  const columns = max(1, floor(w / (6 * unit)));
  const lines = (said, color, from = 0) =>
    wrap(said, max(1, columns - from)).map((each) => ({
      h: line,
      items: (x, y) => [write(each, x + from * 6 * unit, y, unit, color)],
    }));

  switch (block.kind) {
    case "heading": {
      if (!roomy) return block.text === words.choose ? lines(block.text, "title") : []; // AC's label has our name
      const large = block.text.length * 12 * unit <= w ? 2 : 1;
      const said = block.text.slice(0, columns);
      const items = (x, y) => [
        write(said, x + unit, y + unit, unit * large, "shade"),
        write(said, x, y, unit * large, "title"),
      ];
      return [{ h: 26 * unit, items }];
    }
    case "text": {
      const said = roomy ? block.text : block.brief;
      return said ? lines(said, block.color) : [];
    }
    case "gap":
      return [{ h: (roomy ? 6 : 3) * unit }];
    case "break":
      return [{ h: Infinity }];
    case "field": {
      if (columns < 32) return lines(block.clear ? block.value : `${block.label} ${block.value}`, "text");
      const indent = 10;
      return lines(block.value, "text", indent).map((strip, i) => ({
        h: strip.h,
        items: (x, y) => [...(i ? [] : [write(block.label, x, y, unit, "dim")]), ...strip.items(x, y)],
      }));
    }
    case "sha256": {
      const indent = columns >= 42 ? 10 : 0;
      const chunk = [64, 32, 16, 8, 4].find((n) => n + indent <= columns) ?? 1;
      const rows = block.hex.match(new RegExp(`.{1,${chunk}}`, "g")) ?? [];
      const strips = rows.map((row, i) => ({
        h: line,
        items: (x, y) => [
          ...(indent && i === 0 ? [write(block.label, x, y, unit, "dim")] : []),
          write(row, x + indent * 6 * unit, y, unit, "dim"),
        ],
      }));
      return indent ? strips : [...lines(block.label, "dim"), ...strips];
    }
    case "pair": {
      const { left, right, widest } = block;
      const together = widest[0].length + 1 + widest[1].length <= columns;
      const items = (x, y) => {
        const all = left ? [write(left, x, y, unit, "text")] : [];
        if (right && together) all.push(write(right, x + w - right.length * 6 * unit, y, unit, "text"));
        else if (right) all.push(write(right, x, y + line, unit, "text"));
        return all;
      };
      return [{ h: together ? line : 2 * line, items }];
    }
    case "place": {
      const [numbers] = stripsOf(block.pair, frame, room);
      const tallest = max(...block.holds.map((each) => wrap(each, columns).length));
      const items = (x, y) =>
        block.news
          ? lines(block.news, block.color).flatMap((strip, i) => strip.items(x, y + i * line))
          : numbers.items(x, y);
      return [{ h: max(numbers.h, tallest * line), items }];
    }
    case "bar":
      return [{ h: 14 * unit, items: (x, y) => barItems(block, x, y, w, unit) }];
    case "dots": {
      const at = floor(ticks / STEP) % 3;
      const items = (x, y) =>
        [0, 1, 2].map((i) =>
          box(x + i * 8 * unit, y + 4 * unit, 5 * unit, 5 * unit, i === at ? "bar" : "track"),
        );
      return [{ h: 14 * unit, items }];
    }
    case "input": {
      const said = `> ${block.text}`.slice(-(columns - 1));
      const items = (x, y) => [
        write(said, x, y + 2 * unit, unit, "title"),
        box(x + said.length * 6 * unit, y + 2 * unit, 5 * unit, 8 * unit, "bar"),
      ];
      return [{ h: 15 * unit, items }];
    }
    case "choice":
      return [choiceStrip(block, frame, columns)];
    case "row": {
      const tall = (roomy ? 17 : 15) * unit;
      return rowsOf(block.actions, 0, w, unit).map((row) => ({
        h: tall + 2 * unit,
        items: (x, y) => row.flatMap((each) => labelled({ ...each, x: x + each.x }, y, tall, unit)),
      }));
    }
    case "cells": {
      const wide = max(...block.cells.map((cell) => cell.length)) + 2;
      const across = max(1, floor((columns + 2) / wide));
      const down = ceil(block.cells.length / across);
      return Array.from({ length: down }, (_, i) => ({
        h: line,
        items: (x, y) =>
          block.cells
            .filter((_cell, n) => n % down === i)
            .map((cell, n) => write(cell.slice(0, columns), x + n * wide * 6 * unit, y, unit, "key")),
      }));
    }
    case "picture": {
      const scale = max(1, min(floor(w / PICTURE.w), floor((room * 0.4) / PICTURE.h)));
      const items = (x, y) => pictures[block.name](x, y + 2 * unit, scale);
      return PICTURE.w <= w ? [{ h: PICTURE.h * scale + 6 * unit, items }] : [];
    }
    case "preview": {
      const h = floor(min(room - 6 * unit, (w * 10) / 16));
      const wide = floor(min(w, (h * 16) / 10));
      const items = (x, y) => [
        box(x, y, wide, h, "edge"),
        { kind: "preview", x: x + unit, y: y + unit, w: wide - 2 * unit, h: h - 2 * unit },
        box(x + unit, y + unit, wide - 2 * unit, h - 2 * unit, "glass"),
      ];
      return h > 12 * unit ? [{ h: h + 4 * unit, items }] : [];
    }
    case "qr":
      return qrStrip(block.rows, w, room, unit);
    default:
      throw new Error(`There is no block called ${block.kind}`);
  }
}

/** A line, or a few, that can be pressed. */
function choiceStrip(block, { unit, w, line }, columns) {
  const { label, note = "", keys, act: deed, chosen: here, checked, number: index } = block;
  const mark = checked === undefined ? "" : checked ? "[x] " : "[ ] ";
  const key = keys[0] ? `${keys[0]} ` : "";
  const from = key.length + mark.length;
  const rows = wrap(label, max(1, columns - from - 2));
  const longest = max(...rows.map((row) => row.length));
  const wide = keys[0] ? min(w, (longest + from) * 6 * unit + 8 * unit) : min(w, 220 * unit);
  const h = rows.length * line + 2 * unit;
  const items = (x, y) => {
    const all = [hit({ id: deed, act: deed, x, y, w: wide, h, unit, chosen: here, number: index })];
    if (key) all.push(write(keys[0], x + 4 * unit, y + 2 * unit, unit, "key"));
    if (mark) all.push(write(mark.trim(), x + (4 + 6 * key.length) * unit, y + 2 * unit, unit, "key"));
    rows.forEach((row, i) => {
      all.push(write(row, x + (4 + 6 * from) * unit, y + 2 * unit + i * line, unit, "text"));
    });
    const left = wide - (note.length * 6 + 4) * unit;
    if (note && left > (longest + 2) * 6 * unit) all.push(write(note, x + left, y + 2 * unit, unit, "dim"));
    return all;
  };
  return { h: h + unit, items };
}

/** An old machine's bar: lamps from purple to pink. */
function barItems({ part, calm }, x, y, w, unit) {
  const lamps = max(1, floor((w - 2 * unit) / (6 * unit)));
  const lit = floor(part * lamps);
  const items = [box(x, y, w, 12 * unit, "edge"), box(x + unit, y + unit, w - 2 * unit, 10 * unit, "glass")];
  for (let i = 0; i < lamps; i++) {
    const color =
      i >= lit ? "track" : calm ? "dim" : i / lamps < 0.34 ? "from" : i / lamps < 0.67 ? "body" : "bar";
    items.push(box(x + (2 + 6 * i) * unit, y + 2 * unit, 5 * unit, 8 * unit, color));
  }
  return items;
}

/** Black on white in either palette, with the white edge that readers need. */
function qrStrip(rows, w, room, unit) {
  const across = rows.length + 8;
  const dot = floor(min(w, max(room * 0.62, min(room, 90 * unit))) / across);
  if (dot < 1) return [];
  const items = (x, y) => {
    const all = [box(x, y, across * dot, across * dot, [255, 255, 255])];
    rows.forEach((row, i) => {
      for (const { index, 0: run } of row.matchAll(/1+/g)) {
        all.push(box(x + (4 + index) * dot, y + (4 + i) * dot, run.length * dot, dot, [0, 0, 0]));
      }
    });
    return all;
  };
  return [{ h: across * dot + 4 * unit, items }];
}

/** @returns {Item} */
const box = (x, y, w, h, color) => ({ kind: "box", x, y, w, h, color });
/** @returns {Item} */
const write = (said, x, y, scale, color) => ({ kind: "text", text: said, x, y, size: scale, color });
const buttonWidth = (label, unit) => (label.length * 6 + 8) * unit;
/** @returns {Item} */
const hit = (it) => ({ kind: "button", ...it });

/**
 * AC's button for an item, where the item is now.
 * @param {Api["ui"]} ui @param {Item} item
 */
function buttonFor(ui, { id, x, y, w, h }) {
  let button = buttons.get(id);
  if (!button) buttons.set(id, (button = new ui.Button(x, y, w, h)));
  Object.assign(button.box, { x, y, w, h });
  return button;
}
/* #endregion */

/* #region 🖼️ Pictures, drawn in boxes. A letter is a colour of the palette. */

const INKS = {
  o: "body",
  l: "light",
  g: "glass",
  w: "paper",
  e: "edge",
  b: "bar",
  t: "text",
  d: "dim",
  k: "track",
};

const sprites = {
  pal: [
    "..oooooooooooooooo..",
    ".ollllllllllllllllo.",
    "ollggggggggggggggloo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "olggggggggggggggggoo",
    "ollggggggggggggggloo",
    ".ooooooooooooooooko.",
    "..oooooooooooooooo..",
    "....eee......eee....",
    "...ooooo....ooooo...",
  ],
  page: [
    "wwwwwwwwww...",
    "wwwwwwwwwwl..",
    "wwddddddwwll.",
    "wwwwwwwwwwwww",
    "wwdddddddddww",
    "wwwwwwwwwwwww",
    "wwdddddddddww",
    "wwwwwwwwwwwww",
    "wbbbbbbbbbbbw",
    "wbwbwwbbwwbbw",
    "wbwbwbbwbbwbw",
    "wbwbbwbwbbwbw",
    "wbwbwwbbwwbbw",
    "wbbbbbbbbbbbw",
    "wwwwwwwwwwwww",
  ],
  stick: [
    "oooooooooooooo......",
    "ollllllllllllowwwww.",
    "olooooooooooooweweww",
    "olobbooooooooowwwwww",
    "oloboboooooooowwwwww",
    "oloboboooooooowwwwww",
    "olobbooooooooowwwwww",
    "olooooooooooooweweww",
    "oooooooooooooowwwww.",
    "oooooooooooooo......",
  ],
  arrow: ["....b...", "....bb..", "bbbbbbb.", "bbbbbbbb", "bbbbbbb.", "....bb..", "....b..."],
  laptop: [
    ".oooooooooooooooooooooooo.",
    ".ollllllllllllllllllllllo.",
    ".olggggggggggggggggggggoo.",
    ".olggggggggggggggggggggoo.",
    ".olgggbbbggggggbbggggggoo.",
    ".olgggbgbggggbggbggggggoo.",
    ".olgggbgbggbgggggggggggoo.",
    ".olgggbbbggbbbbbbbbggggoo.",
    ".olggggggggggggggggggggoo.",
    ".olgglllllllllgggggggggoo.",
    ".olggggggggggggggggggggoo.",
    ".olggllllllggggggggggggoo.",
    ".olggggggggggggggggggggoo.",
    ".oooooooooooooooooooooooo.",
    "eeeeeeeeeeeeeeeeeeeeeeeeee",
    "elllllllllllllllllllllllle",
    "eooooooooooooooooooooooooe",
    ".eeeeeeeeeeeeeeeeeeeeeeee.",
  ],
  pointer: ["t.....", "tt....", "twt...", "twwt..", "twwwt.", "twwwwt", "twwttt", "twtt..", "tt.tt."],
  sparkle: ["...l...", "...l...", "..lbl..", "llbwbll", "..lbl..", "...l...", "...l..."],
};

const FACES = {
  calm: ["...l........l...", "...l........l...", "................", "....l......l....", ".....llllll....."],
  glad: ["..lll......lll..", "..l.l......l.l..", ".....llllll.....", ".....lbbbbl.....", "......llll......"],
  busy: ["....ll.....ll...", "....ll.....ll...", "................", "......llll......", "......llll......"],
  asleep: [
    "................",
    "..lll......lll..",
    "................",
    "................",
    "......llll......",
  ],
  sad: ["....l......l....", "...l........l...", "................", ".....llllll.....", "....l......l...."],
};

const PAL = { w: 20, h: 16 };

/** An old machine, and a pal: by its face one sees how things are. */
function pal(face, x, y, unit) {
  return [...sprite(sprites.pal, x, y, unit), ...sprite(FACES[face], x + 2 * unit, y + 5 * unit, unit)];
}

/** Rows of letters as boxes, as few as there are runs. */
function sprite(rows, x, y, scale) {
  return rows.flatMap((row, i) =>
    Array.from(row.matchAll(/([a-z])\1*/g), ({ index, 0: run, 1: letter }) =>
      box(x + index * scale, y + i * scale, run.length * scale, scale, INKS[letter]),
    ),
  );
}

/** All pictures are of one size, so that none makes its page jump. */
const PICTURE = { w: 104, h: 34 };

const pictures = {
  flash: (x, y, s) => [
    ...sprite(sprites.page, x + 6 * s, y + 8 * s, s),
    ...sprite(sprites.arrow, x + 32 * s, y + 12 * s, s),
    ...sprite(sprites.stick, x + 54 * s, y + 11 * s, s),
  ],
  format: (x, y, s) => {
    const { title, text: said, yes, no } = words.format;
    const button = (label, left, color) => [
      box(x + left * s, y + 21 * s, (label.length * 6 + 6) * s, 12 * s, color),
      write(label, x + (left + 3) * s, y + 22 * s, s, "text"),
    ];
    return [
      box(x, y, 104 * s, 34 * s, "edge"),
      box(x + s, y + s, 102 * s, 32 * s, "panel"),
      box(x + s, y + s, 102 * s, 9 * s, "from"),
      write(title, x + 3 * s, y + s, s, [255, 255, 255]),
      write(said, x + 5 * s, y + 11 * s, s, "text"),
      ...button(yes, 6, "track"),
      ...button(no, 54, "press"),
      ...sprite(sprites.pointer, x + 92 * s, y + 25 * s, s),
    ];
  },
  boot: (x, y, s) => {
    const key = (label, left) => [
      box(x + left * s, y + 10 * s, (label.length * 6 + 8) * s, 15 * s, "edge"),
      box(x + (left + 1) * s, y + 11 * s, (label.length * 6 + 6) * s, 11 * s, "panel"),
      write(label, x + (left + 4) * s, y + 12 * s, s, "key"),
    ];
    return [...sprite(sprites.laptop, x + 2 * s, y + 8 * s, s), ...key("F12", 38), ...key("Esc", 70)];
  },
  reset: (x, y, s) => [
    ...sprite(sprites.stick, x + 2 * s, y + 11 * s, s),
    ...sprite(sprites.arrow, x + 32 * s, y + 12 * s, s),
    ...sprite(sprites.stick, x + 54 * s, y + 11 * s, s),
    ...sprite(sprites.sparkle, x + 78 * s, y + 4 * s, s),
    ...sprite(sprites.sparkle, x + 50 * s, y + 22 * s, s),
  ],
};
/* #endregion */

/* #region 📚 Library */

/** Whether we show that we wait for something. */
function waits() {
  if (!page) return waited <= PATIENCE;
  if (target === "" || target === "clear" || linking || phone) return false;
  return !state || state.stage === "preparing" || state.stage === "starting";
}

/** Until it is tried again, as far as there is room for the digits; 0 when it is not, or now. */
function secondsLeft() {
  const again = state?.trouble?.again ?? 0;
  return max(0, min(999, ceil((again - Date.now()) / 1000)));
}

/** A name fit to be shown, whatever it is: in the typeface, on a line, in a page's title. */
function plain(name) {
  return name.replace(/[^\w@$./:-]/gu, "?").slice(0, 40);
}

/** Lines of at most `columns` characters; a word longer than a line is broken. */
function wrap(said, columns) {
  const lines = [""];
  for (let word of said.split(" ")) {
    const last = lines.at(-1);
    if (last && last.length + 1 + word.length <= columns) {
      lines[lines.length - 1] += ` ${word}`;
      continue;
    }
    if (last) lines.push("");
    for (; word.length > columns; word = word.slice(columns)) lines.splice(-1, 0, word.slice(0, columns));
    lines[lines.length - 1] = word;
  }
  return lines;
}

/** As browsers and flashers count: a million bytes. */
function size(bytes) {
  return bytes < 1e6 ? `${ceil(bytes / 1e3)} KB` : `${thousands(bytes / 1e6)} MB`;
}

function thousands(value) {
  const digits = value < 100 ? value.toFixed(1) : value.toFixed(0);
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

function duration(all) {
  const whole = ceil(all);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${floor(whole / 60)} min ${whole % 60} s`;
  return `${floor(whole / 3600)} h ${floor((whole % 3600) / 60)} min`;
}

function date(iso) {
  const [year, month, day] = iso.slice(0, 10).split("-");
  return `${Number(day)} ${words.months[Number(month) - 1]} ${year}`;
}
/* #endregion */

export { boot, paint, act, sim, leave, meta };
