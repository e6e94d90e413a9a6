import { createStore, del, get, set } from "idb-keyval";
import type { Target } from "./target.ts";

// Files that the person has chosen for an image. They are remembered by the image's own name: when a build was
// interrupted by a reload or a crash, the next one continues in the same file. The build worker verifies what is in
// the file, so nothing else is remembered.

/** In bytes: what a partition table begins with. */
const SECTOR = 512;

/** A file handle with what Chromium adds to the standard. */
type Handle = FileSystemFileHandle & {
  requestPermission?(options: { mode: "readwrite" }): Promise<PermissionState>;
};

type Picker = (options: {
  id: string;
  suggestedName: string;
  types: { description: string; accept: Record<string, string[]> }[];
}) => Promise<Handle>;

/** A file that has not been finished. */
export interface Unfinished {
  readonly handle: Handle;
  /** The image's name, whatever the person has called the file. */
  readonly fileName: string;
}

/**
 * The unfinished files of this page's own, by the image's name. Chromium's permission for a file ends with the page's last
 * handle of it, whenever that is collected as garbage; the person would be asked again for what they chose a minute ago.
 */
const held = new Map<string, Handle>();

const page = globalThis as { showSaveFilePicker?: Picker };

/** Whether this browser lets people choose where a file goes, and pages write to it. */
export const canChoose = page.showSaveFilePicker !== undefined;

/** A file that was chosen, as a target. Until all is written it is remembered as unfinished. */
export function chosenFileTarget(handle: Handle): Target {
  let forgetIt = () => Promise.resolve();
  return {
    where: "chosen",
    async save({ fileName }, client) {
      forgetIt = () => forget(fileName);
      await remember({ handle, fileName });
      await client.write(handle);
      await forgetIt();
      return true;
    },
    keepAlive() {}, // the build worker writes the file itself
    async discard(error) {
      // The worker removes a file whose build was cancelled; any other is continued by the next attempt.
      if (error instanceof Error && error.name === "CancelledError") await forgetIt();
      return "";
    },
  };
}

/** The unfinished file of the image `fileName`, if there is one. */
export async function recall(fileName: string): Promise<Unfinished | undefined> {
  if (!canChoose) return undefined;
  const found = await get<Unfinished>(fileName, store()).catch(() => undefined); // private windows have no such storage
  // Every page and piece of the site can write there. Only the browser makes what has functions.
  const isSound = found?.fileName === fileName && typeof found.handle?.getFile === "function";
  return isSound ? found : undefined;
}

/**
 * Let the person say where the file goes: the unfinished one if they allow it again, else they choose. Has to be
 * called right after a key or a tap. Resolves to `undefined` when they change their mind, or when the browser has not
 * noticed the key.
 */
export async function choose(fileName: string, before: Unfinished | undefined): Promise<Handle | undefined> {
  try {
    if (before && (await isUsable(before))) return before.handle;
    return await page.showSaveFilePicker?.({
      id: "os",
      suggestedName: fileName,
      types: [fileName.endsWith(".iso") ? ISO : IMG],
    });
  } catch (error) {
    const { name } = error as DOMException;
    if (name === "AbortError" || name === "SecurityError") return undefined;
    throw error;
  }
}

/**
 * Whether we may write to the file, the person has not deleted or renamed it, and it begins as one of ours: with nothing,
 * since the partition table is written last. It might be any file that they once let another piece write to.
 */
async function isUsable({ handle, fileName }: Unfinished): Promise<boolean> {
  if ((await handle.requestPermission?.({ mode: "readwrite" })) !== "granted") return false;
  try {
    const head = new Uint8Array(await (await handle.getFile()).slice(0, SECTOR).arrayBuffer());
    if (head.every((byte) => byte === 0)) return true;
  } catch {
    // it is gone
  }
  await forget(fileName);
  return false;
}

const ISO = { description: "Disk image", accept: { "application/x-iso9660-image": [".iso"] } };
const IMG = { description: "Disk partition", accept: { "application/octet-stream": [".img"] } };

function store() {
  return createStore("os", "unfinished");
}

async function remember(unfinished: Unfinished): Promise<void> {
  held.set(unfinished.fileName, unfinished.handle);
  await set(unfinished.fileName, unfinished, store()).catch(() => {}); // no storage: then it is not continued
}

async function forget(fileName: string): Promise<void> {
  held.delete(fileName);
  await del(fileName, store()).catch(() => {});
}
