import { createStore, get, set } from "idb-keyval";

// Sticks that the person has chosen, as folders that this page may write to. The last one is remembered: the browser then
// asks for no more than its permission.

/** A directory handle with what Chromium adds to the standard. */
type Handle = FileSystemDirectoryHandle & {
  requestPermission?(options: { mode: "readwrite" }): Promise<PermissionState>;
};

type Picker = (options: { id: string; mode: "readwrite" }) => Promise<Handle>;

/** The last one of this page's own: Chromium's permission ends when the page's last handle is collected as garbage. */
let held: Handle | undefined;

const page = globalThis as { showDirectoryPicker?: Picker };

/**
 * Whether this browser lets people choose a stick and pages write to it: Chromium on a desktop. On Android it has the same,
 * and nobody has seen it reach a stick there, so only `?stick` in the address brings it.
 */
export const canUseSticks =
  page.showDirectoryPicker !== undefined &&
  (!/Android/i.test(navigator.userAgent) || new URLSearchParams(location.search).has("stick"));

/**
 * Let the person choose a stick, and remember it. Has to be called right after a key or a tap. Resolves to `undefined` when
 * they change their mind, or when the browser has not noticed the key.
 */
export async function chooseStick(): Promise<Handle | undefined> {
  const handle = await orNone(page.showDirectoryPicker?.({ id: "stick", mode: "readwrite" }));
  if (handle) {
    held = handle;
    await set(KEY, handle, store()).catch(() => {}); // private windows have no such storage
  }
  return handle;
}

/** The stick that was chosen last, if there is one and the person lets the page write to it again, else as `chooseStick`. */
export async function lastStick(): Promise<Handle | undefined> {
  const handle = await recalled();
  const permission = await orNone(handle?.requestPermission?.({ mode: "readwrite" }));
  if (permission !== "granted") return await chooseStick();
  held = handle;
  return handle;
}

const KEY = "last";

function store() {
  return createStore("os-stick", "sticks");
}

async function recalled(): Promise<Handle | undefined> {
  const found = held ?? (await get<Handle>(KEY, store()).catch(() => undefined));
  // Every page and piece of the site can write there. Only the browser makes what has functions.
  return typeof found?.getDirectoryHandle === "function" && typeof found.name === "string"
    ? found
    : undefined;
}

/** Nothing where the person, or the browser for them, says no. */
async function orNone<T>(question: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await question;
  } catch (error) {
    const { name } = error as DOMException;
    if (name === "AbortError" || name === "SecurityError" || name === "NotAllowedError") return undefined;
    throw error;
  }
}
