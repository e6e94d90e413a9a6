import { createStore, entries, del, set } from "idb-keyval";
import { StickError } from "../errors.ts";

// One job at a time on a stick, in all tabs of the site: two would write the same files and remove each other's. Browsers
// name no stick, so a lock has a random name, under which the handle of its stick is kept while it is held.

const MUTEX = "os-stick";
const PREFIX = "os-stick:";

/** What is used of the browser. */
interface Browser {
  readonly locks: Pick<LockManager, "request" | "query">;
  /** The handles of sticks that are being seen to, by the name of the lock. */
  readonly handles: {
    entries(): Promise<[string, FileSystemHandle][]>;
    set(name: string, handle: FileSystemHandle): Promise<void>;
    delete(name: string): Promise<void>;
  };
}

/**
 * Do `job` on the stick of `handle`, when no other build or tab is doing one there; throws `StickError` when one is. A tab
 * that has ended holds nothing. Where the browser keeps no handles, as in private windows, nothing is held.
 */
export async function aloneOnStick<T>(
  handle: FileSystemHandle,
  job: () => Promise<T>,
  browser: Browser = thisBrowser,
): Promise<T> {
  const { locks, handles } = browser;
  const name = `${PREFIX}${crypto.randomUUID()}`;
  let release = () => {};
  const isDone = new Promise<void>((resolve) => (release = resolve));
  await locks.request(MUTEX, async () => {
    const held = new Set((await locks.query()).held?.map((lock) => lock.name));
    for (const [other, its] of await handles.entries().catch(() => [])) {
      if (!held.has(other))
        await handles.delete(other).catch(() => {}); // of a tab that has ended
      else if (await handle.isSameEntry(its).catch(() => false)) {
        throw new StickError(
          "Something is being done on this stick already, for another piece or in another tab: wait until that is over",
        );
      }
    }
    await handles.set(name, handle).catch(() => {});
    await new Promise<void>((resolve) => {
      void locks.request(name, async () => {
        resolve();
        await isDone;
      });
    });
  });
  try {
    return await job();
  } finally {
    await handles.delete(name).catch(() => {});
    release();
  }
}

const store = () => createStore("os-stick-jobs", "handles");

const thisBrowser: Browser = {
  get locks() {
    return navigator.locks;
  },
  handles: {
    entries: () => entries<string, FileSystemHandle>(store()),
    set: (name, handle) => set(name, handle, store()),
    delete: (name) => del(name, store()),
  },
};
