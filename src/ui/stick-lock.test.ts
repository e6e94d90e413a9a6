import { expect, test } from "vitest";
import { StickError } from "../errors.ts";
import { aloneOnStick } from "./stick-lock.ts";

/** Web Locks, as the specification has them, and a store. Tabs share both. */
function browser() {
  const queues = new Map<string, Promise<unknown>>();
  const held = new Set<string>();
  const kept = new Map<string, FileSystemHandle>();
  return {
    kept,
    locks: {
      request: (async (name: string, run: () => Promise<unknown>) => {
        const before = queues.get(name) ?? Promise.resolve();
        const mine = before.then(async () => {
          held.add(name);
          try {
            return await run();
          } finally {
            held.delete(name);
          }
        });
        queues.set(
          name,
          mine.catch(() => {}),
        );
        return await mine;
      }) as LockManager["request"],
      query: async () => ({ held: [...held].map((name) => ({ name })), pending: [] }),
    },
    handles: {
      entries: async () => [...kept],
      set: async (name: string, handle: FileSystemHandle) => void kept.set(name, handle),
      delete: async (name: string) => void kept.delete(name),
    },
  };
}

/** A handle of the stick `id`; two of them are the same entry. */
const stick = (id: number) =>
  ({ id, isSameEntry: async (other: { id: number }) => other.id === id }) as unknown as FileSystemHandle;

test("one job at a time on a stick, and another stick at the same time", async () => {
  const shared = browser();
  let end = () => {};
  const first = aloneOnStick(stick(1), () => new Promise<void>((resolve) => (end = resolve)), shared);
  await expect.poll(() => shared.kept.size).toBe(1);
  await expect(aloneOnStick(stick(1), async () => "two", shared)).rejects.toThrow(StickError);
  expect(await aloneOnStick(stick(2), async () => "other", shared)).toBe("other");
  end();
  await first;
  expect(await aloneOnStick(stick(1), async () => "three", shared)).toBe("three");
  expect(shared.kept.size).toBe(0);
});

test("of two that begin at once one is refused", async () => {
  const shared = browser();
  let run = 0;
  let end = () => {};
  const over = new Promise<void>((resolve) => (end = resolve));
  const job = async () => {
    run++;
    await over;
  };
  const both = [1, 2].map(() => aloneOnStick(stick(1), job, shared).finally(end)); // the refused one is the first to end
  const ends = await Promise.allSettled(both);
  expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(run).toBe(1);
});

test("a job that fails, or a tab that has ended, holds nothing", async () => {
  const shared = browser();
  shared.kept.set("os-stick:of-a-tab-that-was-closed", stick(1));
  const failing = aloneOnStick(stick(1), () => Promise.reject(new Error("full")), shared);
  await expect(failing).rejects.toThrow("full");
  expect(shared.kept.size).toBe(0);
  expect(await aloneOnStick(stick(1), async () => "again", shared)).toBe("again");
});

test("where no handles are kept, as in private windows, the job is done all the same", async () => {
  const refuse = () => Promise.reject(new DOMException("", "InvalidStateError"));
  const shared = { ...browser(), handles: { entries: refuse, set: refuse, delete: refuse } };
  expect(await aloneOnStick(stick(1), async () => "done", shared)).toBe("done");
});
