import type { Bytes } from "../bytes/segment.ts";
import { BLANK_LINE, settingsFile, SETTINGS_JSON } from "../settings/settings.ts";

/** Bytes of each log that a kiosk keeps. */
const LOG_SIZE = 256 * 1024;

/** A file that a machine overwrites. */
export interface BlankFile {
  readonly path: string;
  readonly content: Bytes;
  /** Its mode, where the file system has modes: 0644 when absent. */
  readonly mode?: number;
}

/**
 * The files that a machine overwrites, with nothing in them but blank lines, as they are made with a stick; without those that
 * `files` has. A machine never makes or lengthens a file, so that no cut of the power finds a file system that is being
 * changed: it overwrites these in place (base/kiosk/rootfs/usr/lib/fedac/overwrite). They are its logs, of this boot and of the one
 * before, and what somebody sets on its settings page.
 */
export function blankFiles(files: readonly { readonly path: string }[]): BlankFile[] {
  const log = new TextEncoder().encode(BLANK_LINE.repeat(LOG_SIZE / BLANK_LINE.length));
  const all: BlankFile[] = [
    { path: "kiosk.log", content: log },
    { path: "kiosk.log.1", content: log },
    { path: SETTINGS_JSON, content: settingsFile(), mode: 0o600 },
  ];
  return all.filter(({ path }) => files.every((file) => file.path !== path));
}
