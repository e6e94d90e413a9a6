/** A screen, in its own pixels. */
export interface Screen {
  readonly width: number;
  readonly height: number;
}

/**
 * How many of the screen's pixels make one of the piece's, in each direction: AC's `density`. AC's own default is 2, with a
 * border of 8 pixels; its processor-drawn canvas then has 2 million pixels at 4K, and 3 to 8 frames a second.
 *
 * These are the numbers that AC's bundles of KidLisp choose by themselves, for the same devices, so a piece looks as it
 * does there: 8 from 3,840 pixels on (480 by 270 of the piece's at 4K), 4 on the square panels of about 1,080 by 1,080 that
 * pictures are framed in, else 3 (640 by 360 at 1080p).
 */
export function densityOf({ width, height }: Screen): number {
  const longest = Math.max(width, height);
  if (longest >= 3840) return 8;
  const isSquarePanel = Math.abs(width - height) < 100 && longest >= 1000 && longest <= 1200;
  return isSquarePanel ? 4 : 3;
}

/**
 * The page of a bundle on a screen of its own, where it has no address to read that from, as in the preview. AC goes by
 * `acPACK_DENSITY` where no address gives a density, and by `acFORCE_NOGAP`, its hook for pages without one (`bios.mjs` as
 * it was in 2026; an older one keeps its border). Nobody can log in where there is no storage. The script goes behind the
 * doctype, without which browsers lay a page out as they did before there were standards. A page that is not AC's stays as
 * it is.
 */
export function pageOnScreen(html: string, screen: Screen): string {
  if (!html.includes("acPACK_MODE")) return html;
  const [before = ""] = /^(?:\ufeff|\s|<!--[^]*?-->)*<!doctype[^>]*>/i.exec(html) ?? [];
  const script = `<script>window.acPACK_DENSITY = ${densityOf(screen)}; window.acFORCE_NOGAP = true;</script>`;
  return before + script + html.slice(before.length);
}

/**
 * The address of a bundle on a screen of its own, from its address alone: `density` as `densityOf` has it, no border around
 * the canvas, and nobody to log in. AC reads these from the page's address; pages that are not AC's do not look.
 */
export function addressOnScreen(url: string, screen: Screen): string {
  return `${url}?density=${densityOf(screen)}&nogap=true&noauth=true`;
}
