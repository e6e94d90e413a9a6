import { readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** For the driver of a screen, which comes with udev, and for which sway waits as well. */
export const WAIT_MS = 10_000;

/**
 * Whether a graphics card's driver can draw: it has a render node then, which is there before the node of its screen (the
 * kernel's drm_dev_register). A driver that shows pictures and no more has none: of servers' screens, of many virtual
 * machines, of firmware's. True when no screen's driver comes within `waitMs`, so that what needs one says so. `folder`
 * is where nodes are.
 */
export async function canDraw(waitMs = WAIT_MS, folder = "/dev/dri"): Promise<boolean> {
  const until = performance.now() + waitMs;
  for (;;) {
    const nodes = await readdir(folder).catch(() => [] as string[]);
    if (nodes.some((name) => /^card\d+$/.test(name))) return nodes.some((name) => /^renderD\d+$/.test(name));
    if (performance.now() >= until) return true;
    await delay(50);
  }
}
