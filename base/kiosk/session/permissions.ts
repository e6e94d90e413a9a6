import type { Allowance } from "../../../src/allowances.ts";

/**
 * What every piece may use without a question, since a kiosk has nobody to ask and nothing but the piece: keeping the screen
 * on, storage that lasts, how the machine is held and moved, the whole screen and the pointer, and putting text on the
 * clipboard. Reading the clipboard is not among them: nothing but the piece writes there.
 */
const ALWAYS = [
  "automaticFullscreen",
  "clipboardSanitizedWrite",
  "durableStorage",
  "keyboardLock",
  "pointerLock",
  "sensors",
  "wakeLockScreen",
];

/** What each allowance is in the browser's words: PermissionType of the DevTools protocol's domain Browser. */
const BY_ALLOWANCE: Readonly<Record<Allowance, readonly string[]>> = {
  camera: ["videoCapture", "cameraPanTiltZoom"],
  microphone: ["audioCapture"],
  midi: ["midi"],
  network: [], // nothing that a browser asks about: the system has none otherwise
  sysex: ["midi", "midiSysex"],
};

/**
 * The permissions of a piece that is allowed `allow`, for `Browser.grantPermissions`, which denies all others, in frames of
 * other origins too.
 */
export function permissionsOf(allow: readonly Allowance[]): string[] {
  return [...new Set([...ALWAYS, ...allow.flatMap((allowance) => BY_ALLOWANCE[allowance])])];
}
