import { beforeEach, expect, test } from "vitest";
import type { BuildState, PageMessage, PieceMessage } from "../messages.ts";
import { states } from "../testing/states.ts";
import type { Build } from "./build.ts";
import { BuildRegistry } from "./registry.ts";

/** A build that a test drives. */
interface Opened {
  readonly asked: PieceMessage;
  readonly build: Build;
  become(state: BuildState): void;
}

let opened: Opened[];
let sent: [visit: string, stage: string][];
let registry: BuildRegistry;

beforeEach(() => {
  opened = [];
  sent = [];
  const openBuild = (asked: PieceMessage, report: () => void) => {
    const build = { state: { ...states.preparing, piece: asked.piece } } as unknown as Build & {
      state: BuildState;
    };
    const become = (state: BuildState) => {
      build.state = state;
      report();
    };
    opened.push({ asked, build, become });
    return build;
  };
  const send = (message: PageMessage) => {
    if (message.type === "os:state") sent.push([message.visit, message.state.stage]);
  };
  registry = new BuildRegistry(openBuild, send);
});

const asks = (
  visit: string,
  piece = "notepat",
  qualifiers: string[] = [],
  others: string[] = [],
): PieceMessage => ({ visit, piece, qualifiers, others });

test("a visit is shown the build that it asked for, from its first state on", () => {
  registry.open(asks("a"));
  opened[0]?.become(states.ready);
  expect(sent).toEqual([
    ["a", "preparing"],
    ["a", "ready"],
  ]);
  expect(registry.current).toBe(opened[0]?.build);
});

test("nothing is sent when the piece has been left: it would reach another", () => {
  registry.open(asks("a"));
  registry.leave();
  opened[0]?.become(states.ready);
  expect(sent).toEqual([["a", "preparing"]]);
  expect(registry.current).toBeUndefined();
});

test("a piece that comes back is shown the build that it left", () => {
  registry.open(asks("a"));
  registry.leave();
  opened[0]?.become(states.saving);
  registry.open(asks("b"));
  expect(opened).toHaveLength(1);
  expect(sent.at(-1)).toEqual(["b", "saving"]);
});

test("an outcome that nobody has seen is shown, and after that another build begins", () => {
  registry.open(asks("a"));
  registry.leave();
  opened[0]?.become(states.done);
  registry.open(asks("b"));
  expect(sent.at(-1)).toEqual(["b", "done"]);
  expect(opened).toHaveLength(1);
  registry.open(asks("c"));
  expect(sent.at(-1)).toEqual(["c", "preparing"]);
  expect(opened).toHaveLength(2);
});

test("an outcome that was seen as it came is not shown again", () => {
  registry.open(asks("a"));
  opened[0]?.become(states.done);
  registry.open(asks("a"));
  expect(opened).toHaveLength(2);
});

test.each<[string, PieceMessage]>([
  ["piece", asks("b", "drift")],
  ["piece beside", asks("b", "notepat", [], ["line"])],
  ["flavor", asks("b", "notepat", ["tiny"])],
  ["version", asks("b", "notepat", ["2026.1.1"])],
])("another %s is another build, and only it is shown", (_, other) => {
  registry.open(asks("a"));
  registry.open(other);
  expect(opened).toHaveLength(2);
  opened[0]?.become(states.saving);
  expect(sent).toEqual([
    ["a", "preparing"],
    ["b", "preparing"],
  ]);
  expect([...registry.all]).toEqual(opened.map(({ build }) => build));
});

test("a build that ends as it begins is shown", () => {
  const failing = new BuildRegistry(
    () => ({ state: states.failed }) as unknown as Build,
    (message) => message.type === "os:state" && sent.push([message.visit, message.state.stage]),
  );
  failing.open(asks("a"));
  expect(sent).toEqual([["a", "failed"]]);
});
