import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** What sees and hears whoever is in front of the machine. */
export type Sense = "camera" | "microphone";

/**
 * Which of them are in use now, as the kernel has it and not as a page says: a microphone when ALSA is recording, a camera
 * when a program of this user has one open. `proc` is where /proc is.
 */
export function inUse(proc = "/proc"): Sense[] {
  const senses: Sense[] = [];
  if (hasOpen(proc, /^\/dev\/video\d+$/)) senses.push("camera");
  if (isRecording(join(proc, "asound"))) senses.push("microphone");
  return senses;
}

/** Whether a PCM device that records is running: `card0/pcm0c/sub0/status` (the kernel's sound/designs/procfile). */
function isRecording(asound: string): boolean {
  for (const card of entries(asound, /^card\d+$/)) {
    for (const pcm of entries(card, /^pcm\d+c$/)) {
      for (const stream of entries(pcm, /^sub\d+$/)) {
        if (/^state: (?:RUNNING|DRAINING)$/m.test(text(join(stream, "status")))) return true;
      }
    }
  }
  return false;
}

/** Whether a program has a file open whose path is like `path`. Other users' programs are passed over. */
function hasOpen(proc: string, path: RegExp): boolean {
  for (const program of entries(proc, /^\d+$/)) {
    for (const file of entries(join(program, "fd"), /^\d+$/)) {
      try {
        if (path.test(readlinkSync(file))) return true;
      } catch {
        // closed meanwhile
      }
    }
  }
  return false;
}

/** The paths of what is in a directory and called so; none when it cannot be read. */
function entries(directory: string, name: RegExp): string[] {
  try {
    return readdirSync(directory)
      .filter((entry) => name.test(entry))
      .map((entry) => join(directory, entry));
  } catch {
    return []; // there is none, or it has gone meanwhile, or is another user's
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
