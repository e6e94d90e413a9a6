import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";

/**
 * A browser with a fresh profile, in one window, with a folder of its own for downloads, of which it asks
 * nothing. What cannot be done in one of them is absent, and its driver says why.
 */
export interface Browser extends AsyncDisposable {
  readonly name: "Chromium" | "Firefox" | "WebKitGTK";
  /** Where it saves. */
  readonly downloads: string;
  open(url: string): Promise<void>;
  /** As `open`, answering "leave" when the page asks whether to. */
  reload(): Promise<void>;
  type(text: string): Promise<void>;
  /** A key by its name: `s`, `Enter`, `Escape`. */
  press(key: string): Promise<void>;
  /** The value of an expression in the page, as JSON carries it. A promise is waited for. */
  evaluate<T>(expression: string): Promise<T>;
  /** Cancel all downloads, as its own list of downloads does. */
  cancelDownloads?(): Promise<void>;
  /** End all service workers, as the browser itself does when it wants their memory. */
  stopServiceWorkers?(): Promise<void>;
  /** Collect what the page holds no longer, as the browser does when it likes. */
  collectGarbage?(): Promise<void>;
  /** Put another tab in front of the page's, and wait until the page knows; or take it away again. */
  hide?(): Promise<void>;
  show?(): Promise<void>;
  /** Stop all of its processes, as a computer does that goes to sleep, and wake them after so many milliseconds. */
  sleep(ms: number): Promise<void>;
  /** Answer the dialog for a new file, which stands in the folder for downloads, with a click. */
  answerDialog?(button: "Save" | "Cancel"): Promise<void>;
  /**
   * Choose the only folder within the folder for downloads in the dialog for folders, and allow the page to write there,
   * which is asked after it: click until `isAllowed`.
   */
  chooseFolder?(isAllowed: () => Promise<boolean>): Promise<void>;
  /** What it leaves where a download has failed: file names and what they hold. */
  readonly leaves: "nothing" | "name and part" | "part under the name";
}

/** What starts one. `missing` says what is not installed, if anything. */
export interface Driver {
  readonly name: Browser["name"];
  readonly missing: string | undefined;
  launch(options?: LaunchOptions): Promise<Browser>;
}

export interface LaunchOptions {
  /** How much a site may store, in bytes, where that can be said. */
  readonly quota?: number;
  /** In a real window on a display of its own, where that makes a difference: there a tab can be hidden. */
  readonly headed?: boolean;
}

/** All that the canvas says, in one line. */
export async function says(browser: Browser): Promise<string> {
  return await browser.evaluate<string>(`window.stage ? window.stage.text().join(" ") : ""`);
}

/** Names and sizes of all that lies in the folder for downloads, in bytes. */
export function saved(browser: Browser): Record<string, number> {
  const all: Record<string, number> = {};
  for (const name of readdirSync(browser.downloads).sort()) {
    all[name] = statSync(path.join(browser.downloads, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return all;
}

/** A folder for a profile and one for downloads in it, on the disk that has room: beside the tests. */
export function folders(): { home: string; downloads: string; remove: () => Promise<void> } {
  const out = path.join(import.meta.dirname, "../out");
  const home = mkdtempSync(path.join(out, "browser-"));
  const downloads = path.join(home, "Downloads");
  return {
    home,
    downloads,
    // A browser's helpers may still be writing when its window is gone; not rmSync, whose retries do not look
    // again what is in a directory
    remove: () => rm(home, { recursive: true, force: true, maxRetries: 20 }),
  };
}

/** Stop a process and all that it has started, and all that these have, and let them go on after `ms` milliseconds. */
export async function suspend(pid: number | undefined, ms: number): Promise<void> {
  if (pid === undefined) throw new Error("the browser does not run");
  const all = withDescendants(pid);
  for (const each of all) process.kill(each, "SIGSTOP");
  await new Promise((later) => setTimeout(later, ms));
  for (const each of all.toReversed()) process.kill(each, "SIGCONT");
}

function withDescendants(pid: number): number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8")) ?? [];
        return [[Number(name), Number(parent)] as const];
      } catch {
        return []; // it has ended meanwhile
      }
    });
  const below = (of: number): number[] => [
    of,
    ...parents.flatMap(([child, parent]) => (parent === of ? below(child) : [])),
  ];
  return below(pid);
}

/** The first of `candidates` that exists. */
export function firstOf(...candidates: (string | undefined)[]): string | undefined {
  return candidates.find((each) => each !== undefined && existsSync(each));
}

/** Whether this is Debian, where `npm test` installs all three. */
export const isDebian =
  existsSync("/etc/os-release") && /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
