import type { Page } from "./page-server.ts";
import { escaped } from "./problem-page.ts";

/** A piece in the menu. */
export interface MenuEntry {
  /** By which the session knows it. */
  readonly folder: string;
  readonly name: string;
  /** The path of its picture in the menu's origin, if it has one. */
  readonly picture?: string;
  /** Why it cannot be shown, if it cannot. */
  readonly problem?: string;
}

/** Columns and rows for so many tiles on a screen that is wider than high; on one that is higher they change places. */
export function tilesFor(count: number): { columns: number; rows: number } {
  const columns = count <= 3 ? count : count <= 4 ? 2 : count <= 6 ? 3 : count <= 12 ? 4 : 5;
  return { columns, rows: Math.ceil(count / columns) };
}

/** From so many rows on the page scrolls, and tiles get no smaller. */
const MOST_ROWS = 4;

/**
 * The page on which somebody chooses a piece, by keys, pointer, touch or gamepad. It tells the session by an event,
 * `kiosk-open`, which counts from this page alone; with an empty folder for the piece that was there before.
 */
export function menuPage(entries: readonly MenuEntry[]): Page {
  const { columns, rows } = tilesFor(entries.length);
  const upright = { columns: Math.min(rows, 3), rows: Math.ceil(entries.length / Math.min(rows, 3)) };
  const tiles = entries.map(({ folder, name, picture, problem }) => {
    const image =
      picture === undefined
        ? `<span class="none"></span>`
        : `<img src="${escaped(picture)}" alt="" width="1280" height="720">`;
    const says = problem === undefined ? "" : ` <small>damaged</small>`;
    const state = problem === undefined ? "" : ` aria-disabled="true" data-problem="${escaped(problem)}"`;
    return `<li><button type="button" data-folder="${escaped(folder)}" data-name="${escaped(name)}"${state}>${image}<span class="name">${escaped(name)}${says}</span></button></li>`;
  });
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Choose a piece</title>
<style>
  :root { --columns: ${columns}; --rows: ${Math.min(rows, MOST_ROWS)} }
  @media (orientation: portrait) { :root { --columns: ${upright.columns}; --rows: ${Math.min(upright.rows, 2 * MOST_ROWS)} } }
  html { background: #000; color: #d8dce8; font: max(2.6vmin, 13px)/1.4 "DejaVu Sans", sans-serif }
  body { margin: 0; min-height: 100vh; display: grid; grid-template-rows: auto 1fr auto; text-align: center }
  main { display: grid; align-content: center }
  h1 { font-size: 1.3em; font-weight: normal; margin: 3vmin 0 1vmin }
  ul {
    --width: min(88vw / var(--columns), (100vh - 26vmin) / var(--rows) * 16 / 9 - 4.4em);
    display: grid; grid-template-columns: repeat(var(--columns), max(var(--width), 7em));
    gap: 1.2vmin; place-content: center; list-style: none; margin: 0; padding: 1vmin
  }
  button {
    display: block; width: 100%; font: inherit; color: inherit; background: #12141c; border: 0; border-radius: 0.8vmin;
    padding: 0.6vmin; overflow: hidden; cursor: pointer
  }
  button:focus { outline: max(0.5vmin, 3px) solid #fff; background: #252a3a; color: #fff }
  img, .none { display: block; width: 100%; height: auto; aspect-ratio: 16 / 9; background: #000; border-radius: 0.4vmin }
  .name { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; padding-top: 0.3em }
  [aria-disabled] { opacity: 0.5 }
  small { color: #ffa45c }
  footer { margin: 1vmin 2vmin 2.5vmin; opacity: 0.75; min-height: 1.4em }
</style>
<h1>Choose a piece</h1>
<main><ul>
${tiles.join("\n")}
</ul></main>
<footer role="status">To come back here hold Escape, Select on a gamepad, or the upper left corner.</footer>
<script>${SCRIPT}</script>
`;
  return { type: "text/html; charset=utf-8", body };
}

/** In the page itself; plain, since it is not built. */
const SCRIPT = `{
  const tiles = [...document.querySelectorAll("button")];
  const says = document.querySelector("footer");
  const tell = (folder) => window.dispatchEvent(new CustomEvent("kiosk-open", { detail: folder }));
  const choose = (tile) => {
    const { folder, name, problem } = tile.dataset;
    if (problem === undefined) return tell(folder);
    says.textContent = name + " is damaged, and the other pieces are not: " + problem + ". Write the stick again.";
  };
  // Keys that were still on their way to the piece are not for the menu
  const goBack = () => { if (performance.now() > 1000) tell(""); };
  const middle = (tile) => {
    const { left, top, width, height } = tile.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2 };
  };
  /** To the nearest tile in that direction, or around to the other end. */
  const move = (x, y) => {
    const from = middle(document.activeElement?.matches("button") ? document.activeElement : tiles[0]);
    const away = (tile) => {
      const to = middle(tile);
      const along = (to.x - from.x) * x + (to.y - from.y) * y;
      const across = Math.abs((to.x - from.x) * y) + Math.abs((to.y - from.y) * x);
      return { tile, along, across };
    };
    const all = tiles.map(away);
    const ahead = all.filter(({ along }) => along > 4).sort((a, b) => a.along + 3 * a.across - b.along - 3 * b.across);
    const around = all.filter(({ along }) => along < -4).sort((a, b) => 3 * a.across + a.along - 3 * b.across - b.along);
    (ahead[0] ?? around[0])?.tile.focus();
  };
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  addEventListener("keydown", (event) => {
    const arrow = arrows[event.key];
    if (arrow) move(...arrow);
    else if (event.key === "Home") tiles[0].focus();
    else if (event.key === "End") tiles.at(-1).focus();
    else if (event.key === "Escape" && !event.repeat) goBack();
    else return;
    event.preventDefault();
  });
  for (const tile of tiles) {
    tile.addEventListener("click", () => choose(tile));
    tile.addEventListener("pointermove", ({ pointerType }) => { if (pointerType === "mouse") tile.focus(); });
  }
  const here = decodeURIComponent(location.hash.slice(1));
  (tiles.find((tile) => tile.dataset.folder === here) ?? tiles[0]).focus();

  // Gamepads, as the W3C's standard mapping has them: 0 is A, 1 is B, 12 to 15 are the cross; axes 0 and 1 the left stick
  let before = "";
  const directionOf = ({ buttons, axes }) => {
    const pressed = (button) => buttons[button]?.pressed === true;
    const [x = 0, y = 0] = axes;
    if (pressed(12) || y < -0.6) return [0, -1];
    if (pressed(13) || y > 0.6) return [0, 1];
    if (pressed(14) || x < -0.6) return [-1, 0];
    if (pressed(15) || x > 0.6) return [1, 0];
    return undefined;
  };
  const held = new Set(["0", "1"]); // what is down when the page comes does nothing until it is let go
  const look = () => {
    const pads = navigator.getGamepads().filter((pad) => pad !== null);
    const direction = pads.map(directionOf).find((each) => each !== undefined);
    const now = String(direction ?? "");
    if (now !== before && direction) move(...direction);
    before = now;
    for (const [button, act] of [["0", () => choose(document.activeElement)], ["1", goBack]]) {
      const pressed = pads.some((pad) => pad.buttons[button]?.pressed === true);
      if (pressed && !held.has(button) && document.activeElement?.matches("button")) act();
      if (pressed) held.add(button);
      else held.delete(button);
    }
    requestAnimationFrame(look);
  };
  look();
}`;
