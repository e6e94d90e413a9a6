import { expect, test } from "vitest";
import { StickError, StickFullError } from "../errors.ts";
import { MemoryStick } from "../testing/memory-stick.ts";
import { handleFolder, looksLikeFat } from "./handle-folder.ts";

/** A clock that moves when it is waited for, and by `cost` whenever it is read. */
function clock(start: number, cost = 1) {
  let time = start;
  return {
    now: () => (time += cost),
    wait: (ms: number) => {
      time += ms;
      return Promise.resolve();
    },
    get time() {
      return time;
    },
  };
}

const STEPS: readonly (readonly [string, number, boolean])[] = [
  ["FAT", 2000, true],
  ["HFS+", 1000, false],
  ["exFAT", 10, false],
  ["NTFS, ext4 and APFS", 1, false],
];

test.each(STEPS)("%s, with times in steps of %i ms, is told", async (_, step, isFat) => {
  for (const start of [0, 1, 999, 1000, 1234, 1499, 1500, 1999]) {
    const { now, wait } = clock(1_795_000_000_000 + start);
    const stick = new MemoryStick(Infinity, () => Math.floor(now() / step) * step);
    expect(await looksLikeFat(stick.handle, now, wait)).toBe(isFat);
    expect(stick.files.size).toBe(0);
  }
});

test("a stick so slow that the second is over is asked again, and not for ever", async () => {
  const slow = clock(1_795_000_000_000, 300);
  const stick = new MemoryStick(Infinity, () => Math.floor(slow.now() / 2000) * 2000);
  expect(await looksLikeFat(stick.handle, slow.now, slow.wait)).toBe(true);
  expect(stick.files.size).toBe(0);
});

test.each([
  ["full", StickFullError, /not enough room on the stick/],
  ["locked", StickError, /write-protected: look for a switch/],
  ["gone", StickError, /was it pulled out\? Plug it in again/],
] as const)("one that is %s says so before anything else", async (kind, error, message) => {
  const { now, wait } = clock(1_795_000_000_000);
  const stick = new MemoryStick();
  stick.fault = { kind, call: 0 };
  const failure = await looksLikeFat(stick.handle, now, wait).catch((reason: unknown) => reason);
  expect(failure).toBeInstanceOf(error);
  expect((failure as Error).message).toMatch(message);
  expect((failure as Error).cause).toBeInstanceOf(DOMException);
});

test("the top of a stick that is gone is not an empty one", async () => {
  const root = {
    values: () => {
      throw new DOMException("", "NotFoundError");
    },
    getDirectoryHandle: () => Promise.reject(new DOMException("", "NotFoundError")),
  } as unknown as FileSystemDirectoryHandle;
  await expect(handleFolder(root).list("/")).rejects.toThrow("was it pulled out?");
  expect(await handleFolder(root).list("/fedac")).toEqual([]);
});
