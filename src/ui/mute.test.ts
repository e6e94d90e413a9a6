import { beforeEach, expect, test, vi } from "vitest";

// Who is muted, with windows and events that have what the real ones have; e2e/preview.spec.ts has real ones.

/** As much of a window as others see of it. A tab's own has itself for a parent, one that is gone has none. */
class FakeWindow {
  parent: FakeWindow | null;
  constructor(parent?: FakeWindow) {
    this.parent = parent ?? this;
  }
}

interface Contents {
  readonly data?: unknown;
  readonly origin?: string;
  readonly source?: object | null;
  readonly ports?: readonly object[];
}

/** A class of events of its own for each test, since its prototype is changed. */
function eventClass() {
  return class FakeEvent {
    readonly #contents: Contents;
    constructor(contents: Contents) {
      this.#contents = contents;
    }
    get data() {
      return this.#contents.data;
    }
    get origin() {
      return this.#contents.origin ?? "";
    }
    get source() {
      return this.#contents.source ?? null;
    }
    get ports() {
      return this.#contents.ports ?? [];
    }
  };
}

let FakeEvent = eventClass();
let { mute, prepareMute } = await import("./mute.ts");
const page = new FakeWindow();
const frame = new FakeWindow(page);

beforeEach(async () => {
  FakeEvent = eventClass();
  vi.stubGlobal("MessageEvent", FakeEvent);
  vi.resetModules();
  ({ mute, prepareMute } = await import("./mute.ts"));
  return () => vi.unstubAllGlobals();
});

/** What a listener gets of a message with data and a port. */
function heard(source: object | null, origin: string) {
  const {
    data,
    ports,
    source: sender,
    origin: from,
  } = new FakeEvent({ data: 1, ports: [{}], source, origin });
  return { data, ports: ports.length, sender, from };
}

test.each<[string, object | null, string]>([
  ["the frame", frame, "null"],
  ["the frame, whatever its origin", frame, "https://a.example"],
  ["a frame in it", new FakeWindow(frame), "null"],
  ["a frame deep in it", new FakeWindow(new FakeWindow(new FakeWindow(frame))), "null"],
  ["a frame that is gone, in Firefox and WebKit", null, "null"],
  ["a frame that is gone, in Chromium", Object.assign(new FakeWindow(), { parent: null }), "null"],
])("nothing is heard of %s but the origin", (_, source, origin) => {
  expect(prepareMute()).toBe(true);
  mute(frame as unknown as Window);
  expect(heard(source, origin)).toEqual({ data: null, ports: 0, sender: null, from: origin });
});

test.each<[string, object | null, string]>([
  ["the page itself", page, "https://a.example"],
  ["another frame", new FakeWindow(page), "https://a.example"],
  ["another frame of an opaque origin", new FakeWindow(page), "null"],
  ["another tab", new FakeWindow(), "null"],
  ["a frame of the page's that is gone", null, "https://a.example"],
  ["a worker, a port or a socket", null, ""],
  ["a service worker", {}, "https://a.example"],
])("all is heard of %s", (_, source, origin) => {
  prepareMute();
  mute(frame as unknown as Window);
  expect(heard(source, origin)).toEqual({ data: 1, ports: 1, sender: source, from: origin });
});

test("frames are muted once, however often it is prepared", () => {
  prepareMute();
  const { get } = Object.getOwnPropertyDescriptor(FakeEvent.prototype, "data")!;
  expect(prepareMute()).toBe(true);
  expect(Object.getOwnPropertyDescriptor(FakeEvent.prototype, "data")!.get).toBe(get);
});

test("another deployment's module in the same page mutes its frames, and those of the first stay muted", async () => {
  const other = new FakeWindow(page);
  prepareMute();
  mute(frame as unknown as Window);
  vi.resetModules();
  const later = await import("./mute.ts");
  expect(later.prepareMute()).toBe(true);
  later.mute(other as unknown as Window);
  for (const each of [frame, other]) expect(heard(each, "null").data).toBeNull();
  expect(heard(new FakeWindow(page), "null").data).toBe(1);
});

test("what somebody has planted on window beforehand is not believed", () => {
  const planted = { [Symbol.for("aesthetic-os.muted-windows")]: new WeakSet() };
  vi.stubGlobal("window", planted);
  expect(prepareMute()).toBe(true);
  mute(frame as unknown as Window);
  expect(heard(frame, "null").data).toBeNull();
});

test.each(["data", "ports", "source"] as const)("where %s cannot be changed, nothing is", (name) => {
  Object.defineProperty(FakeEvent.prototype, name, { configurable: false });
  expect(prepareMute()).toBe(false);
  expect(heard(frame, "null")).toEqual({ data: 1, ports: 1, sender: frame, from: "null" });
  expect(() => mute(frame as unknown as Window)).toThrow(/cannot be muted/);
});
