import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** For the driver of a screen, which comes with udev, and for which sway waits as well. */
export const WAIT_MS = 10_000;

/** Where nodes are, and what the kernel says of them. */
interface Folders {
  readonly nodes: string;
  readonly drivers: string;
}
const FOLDERS: Folders = { nodes: "/dev/dri", drivers: "/sys/class/drm" };

/**
 * Whether a graphics card's driver can draw: it has a render node then, which is there before the node of its screen (the
 * kernel's drm_dev_register). A driver that shows pictures and no more has none: of servers' screens, of many virtual
 * machines, of firmware's. True when no screen's driver comes within `waitMs`, so that what needs one says so.
 */
export async function canDraw(waitMs = WAIT_MS, folders = FOLDERS): Promise<boolean> {
  const until = performance.now() + waitMs;
  for (;;) {
    const nodes = await readdir(folders.nodes).catch(() => [] as string[]);
    if (nodes.some((name) => /^card\d+$/.test(name))) {
      const drawing = nodes.filter((name) => /^renderD\d+$/.test(name));
      return (
        await Promise.all(drawing.map((name) => draws(join(folders.drivers, name, "device"))))
      ).includes(true);
    }
    if (performance.now() >= until) return true;
    await delay(50);
  }
}

/**
 * Whether a device with a render node draws. That of a virtual machine has one always, and draws when whoever runs the machine
 * lets it: the first of its features, VIRTIO_GPU_F_VIRGL (virtio 1.3, 5.7.3), which the kernel shows as a row of 0 and 1.
 */
async function draws(device: string): Promise<boolean> {
  const inside = (await readdir(device).catch(() => [] as string[])).filter((name) =>
    /^virtio\d+$/.test(name),
  );
  const features = ["", ...inside].map((name) =>
    readFile(join(device, name, "features"), "ascii").catch(() => undefined),
  );
  const said = (await Promise.all(features)).find((row) => row !== undefined);
  return said === undefined || said.startsWith("1");
}
