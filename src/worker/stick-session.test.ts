import { expect, test } from "vitest";
import { CancelledError } from "../errors.ts";
import type { StickJob } from "../messages.ts";
import { MemoryStick } from "../testing/memory-stick.ts";
import { suppliesOf, testPiece, runOn } from "../testing/stick-fixture.ts";
import { testBase } from "../testing/test-base.ts";
import { StickSession } from "./stick-session.ts";

const base = await testBase();

/** A session on the stick of `root`, with all that it needs, and what stops the build. */
function sessionOn(root: FileSystemDirectoryHandle) {
  const { base: release, sources } = suppliesOf(base);
  const { keys } = runOn(new MemoryStick());
  const over = new AbortController();
  const piece = testPiece("notepat");
  const pieces = async () => ({ pieces: [piece, testPiece("line")], starts: piece.folder });
  const progress: string[] = [];
  const onProgress = ({ path, does }: { path: string; does: string }) =>
    void progress.push(`${does} ${path}`);
  const supplies = { release, sources, keys, pieces, onProgress, stop: over.signal };
  return { session: new StickSession(root, supplies), sources, over, progress };
}

/** A stick on which nothing ever comes to an end. */
const stuck = {
  getFileHandle: () => new Promise(() => {}),
  getDirectoryHandle: () => new Promise(() => {}),
  removeEntry: () => new Promise(() => {}),
  values: () => ({ next: () => new Promise(() => {}), [Symbol.asyncIterator]: () => stuck.values() }),
} as unknown as FileSystemDirectoryHandle;

test("looking at a stick that does not answer can be stopped, by the person and with the build", async () => {
  const { session, over } = sessionOn(stuck);
  const first = session.look();
  session.stop();
  await expect(first).rejects.toBeInstanceOf(CancelledError);
  const again = session.do({ do: "look" });
  over.abort(new CancelledError("The build was cancelled"));
  await expect(again).rejects.toThrow("The build was cancelled");
});

test("what is paused and then stopped ends, and going on makes it whole", async () => {
  const stick = new MemoryStick();
  const { session, sources, progress } = sessionOn(stick.handle);
  sources.retry.pause();
  const paused = session.do({ do: "put", replace: false });
  session.stop();
  await expect(paused).rejects.toBeInstanceOf(CancelledError);
  sources.retry.resume();
  expect(stick.files.size).toBe(0);
  const stopped = session.do({ do: "put", replace: false });
  await expect.poll(() => progress.some((each) => each.startsWith("finishing"))).toBe(true);
  session.stop(); // while the browser puts a file in place, or later
  await stopped.catch((error: unknown) => expect(error).toBeInstanceOf(CancelledError));
  const view = await session.do({ do: "put", replace: false });
  expect(view).toMatchObject({ isOurs: true, problems: [] });
  const starts = Object.fromEntries(view.pieces.map((each) => [each.name, each.starts]));
  expect(starts).toEqual({ notepat: true, line: false });
  expect(await session.do({ do: "check" })).toMatchObject({ problems: [] });
  expect(await session.do({ do: "takeOff" })).toMatchObject({ isOurs: false, problems: [] });
  expect(stick.files.size).toBe(0);
}, 20_000);

test("a job that there is not is refused, and does nothing", async () => {
  const stick = new MemoryStick();
  const { session } = sessionOn(stick.handle);
  await expect(session.do({ do: "format" } as unknown as StickJob)).rejects.toThrow(TypeError);
  expect(stick.calls).toBe(0);
});
