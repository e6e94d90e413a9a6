/** What is said here is heard by those who do not see the canvas, and seen by nobody. */
const HIDDEN = "position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";

let region: HTMLElement | undefined;

/**
 * Let a screen reader say `text` when it has finished what it is saying (`os:say`). An empty text, for when the
 * piece is left, leaves nothing to be found on the page.
 */
export function say(text: string): void {
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
