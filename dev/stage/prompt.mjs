// prompt, 2026.11.23
// The front door: type the name of a piece.
/// <reference path="../../disks/ac.d.ts" />

const { floor, max } = Math;

const GREETING = "Type a piece and press Enter. Try:  os notepat";
const BLINK = 60; // ticks of sim

let text = "";
let answer = GREETING;
let failed = false;
let ticks = 0;
/** @type {string[]} */
let lines = []; // typed before, newest first
let line = -1;

// 🥾 Boot (Backspace in a piece comes here with the piece's name to change.)
/** @param {Api} $ */
function boot({ params, send, store }) {
  text = params.join(" ");
  send({ type: "keyboard:enabled" });
  lines = store["stage:lines"] ?? [];
}

// 🎨 Paint
/** @param {Api} $ */
function paint({ wipe, ink, screen, dark }) {
  const [back, shade, bright, dim, bad] = dark === false ? light : night;
  const size = screen.width < 200 ? 1 : 2;
  const columns = max(1, floor((screen.width - 12) / (6 * size)) - 1);
  wipe(back);
  for (let y = 0; y < screen.height; y += 4) ink(shade).line(0, y, screen.width, y);

  const rows = [];
  for (let i = 0; i === 0 || i <= text.length; i += columns) rows.push(text.slice(i, i + columns));
  rows.forEach((row, i) => {
    ink(shade).write(row, { x: 7, y: 9 + i * 11 * size, size });
    ink(bright).write(row, { x: 6, y: 8 + i * 11 * size, size });
  });
  const x = 6 + (rows.at(-1) ?? "").length * 6 * size;
  const y = 8 + (rows.length - 1) * 11 * size;
  if (ticks % (2 * BLINK) < BLINK) ink(failed ? bad : bright).box(x, y + size, 5 * size, 8 * size);

  ink(failed ? bad : dim).write(answer, { x: 6, y: y + 16 * size }, undefined, screen.width - 6);
  return false;
}

// 🎪 Act
/** @param {Api} $ */
function act({ event: e, needsPaint, jump, store }) {
  needsPaint();
  if (e.is("load-error")) {
    answer = e.error.message;
    failed = true;
  }
  if (!e.is("keyboard:down") || e.ctrl || e.alt) return;
  ticks = 0;
  if (e.key === "Enter") {
    const typed = text.trim();
    if (!typed) return;
    store["stage:lines"] = [typed, ...lines.filter((each) => each !== typed)].slice(0, 50);
    answer = "";
    failed = false;
    jump(typed);
  } else if (e.key === "Backspace") text = text.slice(0, -1);
  else if (e.key === "Escape") text = "";
  else if (e.key === "ArrowUp") recall(1);
  else if (e.key === "ArrowDown") recall(-1);
  else if (e.key.length === 1) text += e.key;
  else return;
  if (failed && e.key !== "Enter") {
    failed = false;
    answer = GREETING;
  }
}

// 🧮 Sim (The cursor blinks.)
/** @param {Api} $ */
function sim({ needsPaint }) {
  ticks += 1;
  if (ticks % BLINK === 0) needsPaint();
}

// 📚 Library
const night = [
  [28, 8, 44],
  [38, 14, 58],
  [255, 140, 210],
  [150, 110, 190],
  [255, 120, 90],
];
const light = [
  [252, 238, 250],
  [244, 222, 244],
  [190, 20, 120],
  [120, 80, 150],
  [190, 40, 10],
];

/** @param {number} step */
function recall(step) {
  line = max(-1, line + step);
  if (line >= lines.length) line = lines.length - 1;
  text = lines[line] ?? "";
}

export { boot, paint, act, sim };
