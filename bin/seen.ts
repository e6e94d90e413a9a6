import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { parseSeen, type SeenVersions, type Sighting, withSeen } from "../src/release/seen.ts";
import { systemReason } from "./reason.ts";

/** Where the command line remembers the newest versions of base that it has seen (XDG Base Directory Specification). */
export function seenFile(env: NodeJS.ProcessEnv = process.env): string {
  const state = env["XDG_STATE_HOME"] ?? "";
  // "All paths must be absolute. If an implementation encounters a relative path, it should … ignore it."
  const folder = path.isAbsolute(state) ? state : path.join(homedir(), ".local/state");
  return path.join(folder, "aesthetic-os/seen.json");
}

/**
 * The newest versions seen so far. Nothing when there is no such file; what is damaged or cannot be read counts as
 * nothing too, and `warn` is told. Never throws.
 */
export async function readSeen(file: string, warn: (text: string) => void): Promise<SeenVersions> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      warn(
        `${file} cannot be read (${systemReason(error)}), so an older base than before would not be noticed`,
      );
    }
    return {};
  }
  const seen = parseSeen(parsed(text));
  if (!seen) warn(`${file} is damaged, so an older base than before would not be noticed this time`);
  return seen ?? {};
}

/**
 * Remember a release, in a file that only its owner may read and that is replaced whole. Where that cannot be, `warn`
 * is told. Never throws.
 */
export async function recordSeen(
  file: string,
  sighting: Sighting,
  warn: (text: string) => void,
): Promise<void> {
  const before = await readSeen(file, () => {}); // has been said
  const after = withSeen(before, sighting);
  if (after === before) return;
  const part = `${file}.${randomUUID()}.part`;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(part, JSON.stringify(after, null, 2) + "\n", { mode: 0o600, flag: "wx", flush: true });
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {}); // was not made
    warn(
      `${file} cannot be written (${systemReason(error)}), so an older base would not be noticed next time`,
    );
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
