// os, 2026.11.23
// Turn any piece into an operating system on a USB stick.

/* #region 📚 README
  `os notepat`, or aesthetic.computer/os:notepat, lets this very browser build `notepat-os.iso`: a disk
  image that starts a computer straight into notepat. The page module (os/page.js) and its worker do the
  work and tell us of it in signals; this piece only draws what it is told and passes wishes on.

    us → page   os:open { visit, piece } · os:cancel { visit, piece }
    page → us   { type: "os:ready" } · { type: "os:state", visit, state }
#endregion */

const { ceil, floor, max, min } = Math;

const PAGE = "/aesthetic.computer/os/page.js?v=__OS_BUILD__";
const PATIENCE = 20 * 120; // ticks of sim: how long the page module may take to load

// 💬 Everything this piece says. ASCII, as the typeface is.
const words = {
  title: (piece) => `${piece} os`,
  loading: "Loading...",
  preparing: "Asking for the piece and the base image...",
  starting: "Waiting for your browser to start the download. It may ask you to allow it.",
  saving: (name) => `Saving ${name}`,
  done: (name) => `${name} is in your downloads.`,
  steps: [
    "1. Write it to a USB stick with balenaEtcher.",
    "2. If Windows offers to format the stick, cancel.",
    "3. Start a computer from the stick.",
  ],
  sha256: (sha) => `SHA-256 ${sha}`,
  base: ({ base: { flavor, version }, size, download }) =>
    `${megabytes(size)} MB (${megabytes(download)} MB to fetch), base ${flavor} ${version}`,
  amount: (written, size) => `${megabytes(written)} of ${megabytes(size)} MB`,
  pace: (speed, seconds) => `${megabytes(speed)} MB/s, ${duration(seconds)} left`,
  noPage: "The part of os that builds images did not load. Check your connection and reload the page.",
  cancel: "Cancel",
  again: "Try again",
  once: "Build again",
};

// 🎨 Two palettes, in the order of their use.
const dark = {
  back: [24, 10, 40],
  title: [255, 120, 200],
  text: [226, 208, 246],
  dim: [146, 120, 178],
  track: [56, 30, 84],
  bar: [255, 92, 180],
  good: [130, 240, 170],
  bad: [255, 140, 110],
};
const light = {
  back: [252, 240, 250],
  title: [190, 30, 120],
  text: [60, 24, 84],
  dim: [128, 92, 150],
  track: [232, 208, 236],
  bar: [220, 50, 140],
  good: [20, 120, 70],
  bad: [190, 50, 20],
};

/* 🗂️ State */
let piece = ""; // what to build, as the person named it
let visit = ""; // tells the page's answers to us from those to an earlier visit
/** @type {import("../src/messages.ts").BuildState | null} */
let state = null; // what the page said last
let shown = 0; // how much of the bar is drawn, 0 to 1; follows the state
let waited = 0; // ticks without a sign of the page
/** @type {any} */
let button = null; // the one thing there is to press: cancel, or try again

// 🥾 Boot (Brings the page module in, which says "os:ready" when it runs.)
/** @param {Api} $ */
function boot({ params, colon, dom, ui }) {
  piece = colon?.[0] || params.join(" ") || "prompt";
  visit = `${Date.now()}.${Math.random()}`;
  button = new ui.TextButton(words.cancel, { x: 0, y: 0 });
  dom.html`<style>#content { pointer-events: none; }</style><script src="${PAGE}"></script>`;
}

// 🎨 Paint (Draws the state and decides nothing.)
/** @param {Api} $ */
function paint($) {
  const { wipe, ink, screen } = $;
  const colors = $.dark === false ? light : dark;
  const scale = max(1, min(3, floor(min(screen.width / 240, screen.height / 150))));
  const width = min(screen.width - 12, 66 * 6 * scale);
  const left = floor((screen.width - width) / 2);
  const small = screen.height < 180; // no room for more than what happens, and the corner label has our name
  const floorY = screen.height - 26; // below it stands the button
  let y = 22;

  const say = (text, color, size = scale) => {
    for (const line of wrap(text, max(1, floor(width / (6 * size))))) {
      if (y + 11 * size > floorY) return;
      ink(color).write(line, { x: left, y, size });
      y += 11 * size;
    }
  };

  wipe(colors.back);
  const title = words.title(plain(piece));
  if (!small) say(title, colors.title, title.length * 12 * scale <= width ? scale * 2 : scale);
  if (state?.info && !small) say(words.base(state.info), colors.dim);
  y += 4 * scale;

  const info = state?.info;
  if (problem() || state?.message) {
    say(problem() || state?.message, colors.bad);
  } else if (info && state?.stage === "done") {
    say(words.done(info.fileName), colors.good);
    for (const step of words.steps) say(step, colors.text);
  } else {
    say(info && state?.stage === "saving" ? words.saving(info.fileName) : waiting(), colors.text);
    ink(colors.track).box(left, y, width, 8 * scale);
    ink(colors.bar).box(left, y, floor(width * shown), 8 * scale);
    y += 11 * scale;
    if (info && state?.stage === "saving") {
      const { written, bytesPerSecond: speed } = state;
      const percent = `${floor((100 * written) / info.size)}%`;
      say(`${percent}, ${words.amount(written, info.size)}`, colors.text);
      if (speed > 0) say(words.pace(speed, (info.size - written) / speed), colors.dim);
    }
  }
  if (info && !state?.message) {
    y += 4 * scale;
    if (!small) say(words.sha256(info.sha256), colors.dim);
  }

  if (action()) {
    y = min(y + 4 * scale, floorY + 3);
    button.reposition({ x: left, y }, words[action()]);
    button.paint($, [colors.track, colors.bar, colors.text, colors.track]);
  }
  return shown !== target(); // false rests until needsPaint()
}

// 🎪 Act (Listens to the page, and to the person.)
/** @param {Api} $ */
function act({ event: e, signal, needsPaint }) {
  const press = () => {
    const wish = action();
    if (wish === "cancel") signal({ type: "os:cancel", content: { visit, piece } });
    else if (wish && !problem()) signal({ type: "os:open", content: { visit, piece } });
  };
  if (e.is("signal")) {
    for (const message of e.signal) {
      if (message?.type === "os:ready" && !state) {
        signal({ type: "os:open", content: { visit, piece } });
      } else if (message?.type === "os:state" && message.visit === visit) {
        if (message.state.written < (state?.written ?? 0)) shown = 0; // a new attempt
        state = message.state;
      }
    }
    needsPaint();
  }
  if (e.is("reframed") || e.is("dark-mode") || e.is("light-mode")) needsPaint();
  if (action()) button.btn.act(e, { down: needsPaint, push: press, cancel: needsPaint });
  if (e.is("keyboard:down:s") && !e.repeat) signal({ type: "os:start", content: { visit, piece, where: "downloads" } });
  if (e.is("keyboard:down:w") && !e.repeat) signal({ type: "os:start", content: { visit, piece, where: "choose" } });
  if (e.is("keyboard:down:p") && !e.repeat) signal({ type: state?.paused ? "os:resume" : "os:pause", content: { visit, piece } });
  if (e.is("keyboard:down:k") && !e.repeat) signal({ type: "os:keep", content: { visit, piece, keep: !state?.keep.wanted } });
  if (e.is(`keyboard:down:${action() === "cancel" ? "c" : "r"}`) && !e.repeat) press();
}

// 🧮 Sim (The bar follows the fraction written.)
/** @param {Api} $ */
function sim({ needsPaint }) {
  if (!state && waited <= PATIENCE) {
    waited += 1;
    if (problem()) needsPaint();
  }
  if (shown !== target()) {
    shown = min(target(), shown + max(0.002, (target() - shown) / 12));
    needsPaint();
  }
}

// 🔗 Meta (What a link to us says.)
function meta({ params, colon }) {
  const name = plain(colon?.[0] || params?.[0] || "");
  return {
    title: name ? words.title(name) : "os",
    desc: `Turn ${name || "any piece"} into an operating system: a disk image, built in your browser.`,
  };
}

// 📚 Library

/** A name fit to be shown, whatever it is: in the typeface, on a line, in a page's title. */
function plain(name) {
  return name.replace(/[^\w@$./-]/gu, "?").slice(0, 40);
}

/** What went wrong before there was anybody to tell us. */
function problem() {
  return !state && waited > PATIENCE ? words.noPage : "";
}

/** What there is to wait for. */
function waiting() {
  if (!state) return words.loading;
  if (state.stage === "ready") return "Ready";
  return state.stage === "preparing" ? words.preparing : words.starting;
}

/** What the button would do now, as a key of `words`. */
function action() {
  if (!state) return "";
  return { done: "once", failed: "again", cancelled: "again" }[state.stage] ?? "cancel";
}

/** Where the bar ought to stand, 0 to 1. */
function target() {
  return state?.info ? state.written / state.info.size : 0;
}

/** Lines of at most `columns` characters; a word longer than a line is broken. */
function wrap(text, columns) {
  const lines = [""];
  for (let word of text.split(" ")) {
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
function megabytes(bytes) {
  return (bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0);
}

function duration(seconds) {
  const whole = ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${floor(whole / 60)} min ${whole % 60} s`;
  return `${floor(whole / 3600)} h ${floor((whole % 3600) / 60)} min`;
}

export { boot, paint, act, sim, meta };
