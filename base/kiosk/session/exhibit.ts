import type { Allowance } from "../../../src/allowances.ts";
import { addressOnScreen, type Screen } from "../../../src/bundle/density.ts";
import { MENU } from "../../../src/image/os-json.ts";
import { type MenuEntry, menuPage } from "./menu-page.ts";
import type { Menu, Place } from "./page.ts";
import { hostOf, originOf, type Page, PORT, type Site } from "./page-server.ts";
import { type Found, linesOf, noPiece } from "./piece.ts";
import { NoPieceError } from "./problem.ts";
import { notRunningPage, problemPage } from "./problem-page.ts";

/** What can be on the screen: a piece, the menu, or a page that says what is wrong. */
export interface Shown {
  /** The piece's name. */
  readonly name: string;
  readonly allow: readonly Allowance[];
  /** Without what AC's runtime wants to know of the screen. */
  readonly url: string;
  /** Whether it is kept from other computers, where pieces beside it may reach them. */
  readonly isOffline?: boolean;
  /** The address of what is shown instead of a piece of AC's that does not run, for that reason. */
  readonly instead: (reason: string) => string;
}

/** All that is shown of a stick, and the lines for the serial console once something is on the screen. */
export interface Exhibit {
  readonly sites: readonly Site[];
  readonly start: Shown;
  /** Where another piece is chosen, and the pieces by their folders, where there are several. */
  readonly menu?: { readonly page: Shown; readonly pieces: ReadonlyMap<string, Shown> };
  readonly lines: readonly string[];
  /** What any of it may use. */
  readonly allow: readonly Allowance[];
}

/** The paths of a piece, and of what is shown instead when it does not run. */
const PIECE_PATH = "/piece.html";
const INSTEAD_PATH = "/not-running.html";
const MENU_PATH = "/menu.html";

/**
 * What is shown of the pieces in `found`: the only one, or the menu and each at an origin of its own. `port` is where they
 * will be served.
 */
export function exhibitOf(found: Found, port = PORT): Exhibit {
  const { pieces, start } = found;
  const lines = linesOf(found);
  const allow = [...new Set(pieces.flatMap((piece) => piece.allow))];
  const [only] = pieces;
  if (only.folder === "") {
    if (only.html instanceof NoPieceError) throw only.html; // readStick has thrown it
    const { site, shown } = place({
      index: 0,
      name: only.name,
      allow: only.allow,
      path: PIECE_PATH,
      page: htmlPage(only.html),
      port,
    });
    return { sites: [site], start: shown, lines, allow };
  }
  const entries = pieces.map(({ folder, name, splash, html }): MenuEntry => {
    return {
      folder,
      name,
      ...(splash && { picture: `/${folder}.png` }),
      ...(html instanceof NoPieceError && { problem: html.message }),
    };
  });
  const { site, shown: page } = place({ index: 0, path: MENU_PATH, page: menuPage(entries), port });
  for (const { folder, splash } of pieces) {
    if (splash) site.pages.set(`/${folder}.png`, { type: "image/png", body: splash });
  }
  const sites: Site[] = [site];
  const shownOf = new Map<string, Shown>();
  for (const [i, { folder, name, allow: its, html }] of pieces.entries()) {
    if (html instanceof NoPieceError) continue;
    const isOffline = allow.includes("network") && !its.includes("network");
    const one = place({
      index: i + 1,
      name,
      allow: its,
      path: PIECE_PATH,
      page: htmlPage(html),
      port,
      hasMenu: true,
    });
    sites.push({ ...one.site, isOffline });
    shownOf.set(folder, { ...one.shown, isOffline });
  }
  const first = start === MENU ? undefined : shownOf.get(start);
  return { sites, start: first ?? page, menu: { page, pieces: shownOf }, lines, allow };
}

/** The names of the pieces; nothing on a stick without any. */
export function namesOf({ menu, start }: Exhibit): string {
  return menu ? [...menu.pieces.values()].map(({ name }) => name).join(", ") : start.name;
}

/** What the browser opens first, and where that leads, on `screen`. */
export function placesOf(
  { menu }: Pick<Exhibit, "menu">,
  first: Shown,
  screen: Screen,
): Place & { readonly menu?: Menu } {
  const onScreen = (shown: Shown): Place => ({ ...shown, url: addressOnScreen(shown.url, screen) });
  if (!menu) return onScreen(first);
  const pieces = new Map([...menu.pieces].map(([folder, piece]) => [folder, onScreen(piece)]));
  return { ...onScreen(first), menu: { page: onScreen(menu.page), pieces } };
}

/** What is shown of a stick without a piece. */
export function problemExhibit({ code }: NoPieceError): Exhibit {
  const { site, shown } = place({ index: 0, path: PIECE_PATH, page: problemPage(code), port: PORT });
  return { sites: [site], start: shown, lines: [noPiece(code)], allow: [] };
}

/** A page at `path` of an origin of its own, that of number `index`. */
function place({
  index,
  name = "",
  allow = [],
  path,
  page,
  port,
  hasMenu = false,
}: {
  readonly index: number;
  readonly name?: string;
  readonly allow?: readonly Allowance[];
  readonly path: string;
  readonly page: Page;
  readonly port: number;
  readonly hasMenu?: boolean;
}): { site: Site & { readonly pages: Map<string, Page> }; shown: Shown } {
  const host = hostOf(index);
  const pages = new Map([[path, page]]);
  const instead = (reason: string) => {
    console.error(`${name} does not run: ${reason}`);
    pages.set(INSTEAD_PATH, notRunningPage(name, reason, hasMenu));
    return `${originOf(host, port)}${INSTEAD_PATH}`;
  };
  return {
    site: { host, pages, first: path },
    shown: { name, allow, url: `${originOf(host, port)}${path}`, instead },
  };
}

function htmlPage(body: Buffer): Page {
  return { type: "text/html; charset=utf-8", body };
}
