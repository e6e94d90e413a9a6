/** Heard by those who use a screen reader, and not visible. */
const HIDDEN = "position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";

let region: HTMLElement | undefined;

/**
 * Let a screen reader say `text` when it has finished what it is saying (`os:say`). An empty text, for when the
 * piece is left, leaves nothing to be found on the page.
 */
export function announce(text: string): void {
  if (!region) {
    region = document.createElement("div");
    region.setAttribute("role", "status");
    region.setAttribute("aria-live", "polite");
    region.setAttribute("aria-atomic", "true");
    region.lang = "en";
    region.style.cssText = HIDDEN;
  }
  if (!region.isConnected) document.body.append(region);
  region.textContent = text;
}
