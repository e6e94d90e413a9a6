import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { BaseImageError, ConnectionError } from "../errors.ts";
import { BufferPool } from "../bytes/buffer-pool.ts";
import type { Bytes } from "../bytes/segment.ts";
import { pattern } from "../testing/bytes.ts";
import { digestOfWindow } from "../testing/test-base.ts";
import {
  ILLEGAL_PARTS,
  serveImage,
  type Behaviour,
  type Fault,
  type ImageServer,
  type PartShape,
} from "../testing/faulty-server.ts";
import { arbitraryBehaviour } from "../testing/schedules.ts";
import { arbitraryBasis, memoryBasis, type BasisPart } from "../testing/memory-basis.ts";
import { memorySeed } from "../testing/memory-seed.ts";
import { copiedIn } from "../release/copies.ts";
import { lengthOfWindow, type Windows } from "../release/windows.ts";
import { orderedWindows } from "../fetch/downloader.ts";
import { WINDOWS_PER_SPAN as SPAN } from "../fetch/queue.ts";
import type { Seed } from "../fetch/seed.ts";
import { RetryPolicy, type RetryTimes } from "../fetch/retry.ts";
import { Source } from "../fetch/source.ts";

// Whatever its servers do, the engine either brings the image, to the byte, or says in a named error that it
// cannot, having passed on nothing but the image's beginning.

vi.spyOn(console, "warn").mockImplementation(() => {}); // that an older image is of no use is told the console
const WINDOW = 1024;
const RUNS = Number(process.env["ENGINE_RUNS"] ?? 1000);
/** Side by side, since a run is mostly waiting. */
const STRANDS = 10;
/** A run that takes longer hangs, in milliseconds. */
const DEADLINE = 90_000;

/** One image, its servers and its reader, as plain data. */
interface Scenario {
  readonly servers: readonly Behaviour[];
  readonly connections: number;
  /** Of the image, in windows; the last has `last` bytes. */
  readonly count: number;
  readonly last: number;
  /** Which windows are zeros, which are kept, which of those are not what they should be. */
  readonly zeros: readonly number[];
  readonly kept: readonly number[];
  readonly spoilt: readonly number[];
  /** What an older image has of this one, and what is wrong with that. */
  readonly basis?: readonly BasisPart[];
  /** After how many windows the reader leaves, or the build is stopped. */
  readonly leaves?: number;
  readonly stops?: number;
}

const arbitraryScenario: fc.Arbitrary<Scenario> = fc
  .integer({ min: 1, max: 30 })
  .chain((count) => {
    const some = fc.uniqueArray(fc.nat(count - 1), { maxLength: count });
    const few = fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, some);
    return fc.record(
      {
        servers: fc.array(arbitraryBehaviour(12, 2 * SPAN * WINDOW), { minLength: 1, maxLength: 3 }),
        connections: fc.integer({ min: 1, max: 4 }),
        count: fc.constant(count),
        last: fc.oneof(fc.constant(WINDOW), fc.integer({ min: 1, max: WINDOW })),
        zeros: few,
        kept: few,
        spoilt: few,
        basis: arbitraryBasis(3 * WINDOW),
        leaves: fc.integer({ min: 1, max: count }),
        stops: fc.integer({ min: 1, max: count }),
      },
      { requiredKeys: ["servers", "connections", "count", "last", "zeros", "kept", "spoilt"] },
    );
  })
  // Each byte by a connection of its own is getting on, but takes too long for a test.
  .filter(({ servers }) => servers.every(({ faults, hopeless }) => !hopeless || !trickles(faults.at(-1))));

test(`${RUNS} random scenarios: the image to the byte, or a named error`, { timeout: 600_000 }, async () => {
  const property = fc.asyncProperty(arbitraryScenario, judge);
  // Told at once: with servers that are real, looking for a smaller example takes longer than the test may.
  const strand = () => fc.assert(property, { numRuns: Math.ceil(RUNS / STRANDS), endOnFailure: true });
  await Promise.all(Array.from({ length: STRANDS }, strand));
});

test("a stream that was wrong once is gone back to when the other always breaks in that window", async () => {
  const at = 6 * WINDOW;
  await judge({
    servers: [
      { faults: [{ kind: "ok" }, { kind: "wrongByte", at, bit: 1 }], noRange: true },
      { faults: [{ kind: "reset", after: at + 100 }], hopeless: true, noRange: true },
    ],
    connections: 1,
    count: 18,
    last: 100,
    zeros: [],
    kept: [],
    spoilt: [],
  });
}, 120_000);

const FIRST = SPAN * WINDOW; // of the first answer's bytes
const PLACES = [0, 1, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW, FIRST - 1, FIRST];
const SINGLE: Fault[] = [
  { kind: "ok" },
  { kind: "whole" },
  { kind: "portal" },
  ...(Object.keys(ILLEGAL_PARTS) as (keyof typeof ILLEGAL_PARTS)[]).map(
    (how) => ({ kind: "illegal", how }) as const,
  ),
  { kind: "slow", bytes: 300, every: 2 },
  ...[-1, ...PLACES].flatMap((after) =>
    (["drop", "reset", "stall", "garbage"] as const).map((kind) => ({ kind, after })),
  ),
  ...[1, WINDOW - 1, WINDOW, WINDOW + 1, FIRST - 1, FIRST].flatMap((by) =>
    [false, true].flatMap((yes): Fault[] => [
      { kind: "short", by, chunked: yes },
      { kind: "long", by, chunked: yes },
      { kind: "shifted", by, admitted: yes },
    ]),
  ),
  ...PLACES.map((at) => ({ kind: "wrongByte", at, bit: at % 8 }) as const),
  ...[403, 404, 408, 416, 429, 500, 501, 502, 503, 504, 505, 507, 509, 511, 520, 529, 530].map(
    (status) => ({ kind: "status", status }) as const,
  ),
  ...[0, 1, { date: -100 }, { date: 1 }, "soon", "-1", "1.5", ""].map(
    (retryAfter) => ({ kind: "status", status: 503, retryAfter }) as const,
  ),
];

test.each<{ noRange?: boolean; nth: number; parts?: PartShape }>([
  { nth: 0 },
  { nth: 1 },
  { nth: 4 },
  { noRange: true, nth: 0 },
  { noRange: true, nth: 1 },
  { nth: 1, parts: { align: 1000, unit: "Bytes" } },
  { nth: 1, parts: { align: 2 * FIRST } },
  { nth: 4, parts: { cap: 1500, unknownSize: true } },
  { nth: 2, parts: { align: 700, cap: 700 } },
])(
  "each fault alone is got over, as answer $nth (no ranges: $noRange, parts: $parts)",
  { timeout: 120_000 },
  async ({ noRange = false, nth, parts = {} }) => {
    const ok: Fault[] = Array.from({ length: nth }, () => ({ kind: "ok" }));
    const plain = { connections: 2, count: 21, last: 100, zeros: [6, 7, 19], kept: [], spoilt: [] };
    for (let at = 0; at < SINGLE.length; at += STRANDS) {
      const scenarios = SINGLE.slice(at, at + STRANDS).map((fault) => ({
        ...plain,
        servers: [{ faults: [...ok, fault], noRange, parts }],
      }));
      await Promise.all(
        scenarios.map(async (scenario) => {
          if (!mustCome(scenario)) throw new Error(`no demand in ${JSON.stringify(scenario)}`);
          await judge(scenario).catch((cause: unknown) => {
            throw new Error(`with ${JSON.stringify(scenario.servers)}`, { cause });
          });
        }),
      );
    }
  },
);

test.each([0, 1000])(
  "another image (shorter by %i bytes) from the n-th request on is a named error",
  async (by) => {
    for (const nth of [0, 1, 2, 5]) {
      const faults: Fault[] = [
        ...Array.from({ length: nth }, () => ({ kind: "ok" }) as const),
        { kind: "changed", by },
      ];
      await judge({
        servers: [{ faults }],
        connections: 2,
        count: 30,
        last: 100,
        zeros: [],
        kept: [],
        spoilt: [],
      });
    }
  },
);

/** Throws unless the engine does what it should in this scenario. */
async function judge(scenario: Scenario): Promise<void> {
  const { leaves = Infinity, stops = Infinity } = scenario;
  const { image, windows } = imageOf(scenario);
  const pool = new CountedPool();
  const requests = { now: new Set<AbortSignal>(), most: 0 };
  const stop = new AbortController();
  const servers = await Promise.all(scenario.servers.map((behaviour) => serveImage(image, behaviour)));
  const sources = {
    windows,
    servers: servers.map((server) => new CountedSource(server.image, image.length, requests)),
    retry: new RetryPolicy(new TestTimes(scenario)),
    seeds: [seedOf(scenario, windows, image)],
    basis: memoryBasis(image, scenario.basis ?? []),
    connections: scenario.connections,
  };
  const came: Bytes[] = [];
  const read = async () => {
    for await (const window of orderedWindows(sources, 0, scenario.count, pool, stop.signal)) {
      came.push(window.slice());
      pool.release(window.buffer);
      if (came.length === stops) stop.abort(new DOMException("enough", "AbortError"));
      if (came.length === leaves) break;
    }
  };
  try {
    const error: unknown = await within(DEADLINE, read()).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const bytes = Buffer.concat(came);
    expect(bytes.equals(image.subarray(0, bytes.length)), "what came is the image's beginning").toBe(true);
    if (error === undefined) expect(came).toHaveLength(Math.min(leaves, scenario.count));
    else if (error !== stop.signal.reason) {
      if (!(error instanceof BaseImageError || error instanceof ConnectionError)) throw error;
      expect(came.length, "no error after the end").toBeLessThan(scenario.count);
      if (mustCome(scenario)) throw new Error("one server is good enough", { cause: error });
    }
    if (isHonest(scenario)) {
      const most = toFetch(scenario, windows, sources.basis.copies);
      expect(servers.reduce((sum, { requests: all }) => sum + askedOf(all), 0)).toBeLessThanOrEqual(most);
    }
    for (const server of servers) expect(zerosAskedOf(server, windows)).toEqual([]);
    const most = scenario.connections * SPAN + scenario.connections + 2;
    expect(pool.most, "windows held at once").toBeLessThanOrEqual(most);
    expect(requests.most, "requests at once").toBeLessThanOrEqual(scenario.connections + 1);
    await expect.poll(() => servers.map(({ open }) => open), { timeout: 5000 }).toEqual(servers.map(() => 0));
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** Whether one of the servers is good enough in the end that there is no excuse for not bringing the image. */
function mustCome({ servers }: Scenario): boolean {
  return servers.some(
    ({ faults, hopeless }) =>
      !hopeless && faults.filter(lies).length <= 1 && !faults.some(({ kind }) => kind === "changed"),
  );
}

/** Whether what comes can only be told from the image by its SHA-256. */
function lies(fault: Fault): boolean {
  return fault.kind === "wrongByte" || fault.kind === "shifted";
}

/** Whether nothing goes wrong, so that nothing is asked for in vain. */
function isHonest({ servers, spoilt, kept, basis = [] }: Scenario): boolean {
  const areGood = servers.every(({ faults, noRange, parts }) => {
    return faults.length === 0 && noRange !== true && Object.keys(parts ?? {}).length === 0;
  });
  return (
    areGood && !kept.some((index) => spoilt.includes(index)) && basis.every(({ lie }) => lie === undefined)
  );
}

/** How many bytes are neither zeros nor kept nor copied. */
function toFetch({ kept }: Scenario, windows: Windows, copies: Parameters<typeof copiedIn>[0]): number {
  return windows.digests.reduce((sum, digest, index) => {
    if (digest === "zeros" || kept.includes(index)) return sum;
    const length = lengthOfWindow(windows, index);
    return sum + length - copiedIn(copies, { start: index * WINDOW, length });
  }, 0);
}

/** How many bytes these requests ask for. */
function askedOf(requests: readonly string[]): number {
  return requests.reduce((sum, request) => {
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request) ?? [];
    return sum + (first === undefined ? 0 : Number(last) - Number(first) + 1);
  }, 0);
}

function trickles(fault: Fault | undefined): boolean {
  return fault !== undefined && "after" in fault && fault.after > 0 && fault.after < WINDOW / 4;
}

function imageOf({ count, last, zeros }: Scenario): { image: Bytes; windows: Windows } {
  const size = (count - 1) * WINDOW + last;
  const image = pattern(size, 7);
  const window = (index: number) => image.subarray(index * WINDOW, (index + 1) * WINDOW);
  for (const index of zeros) window(index).fill(0);
  const digests = Array.from({ length: count }, (_, index) =>
    zeros.includes(index) ? "zeros" : digestOfWindow(window(index)),
  );
  return { image, windows: { size, window: WINDOW, digests } };
}

/** The windows that are kept; of a spoilt one half is wrong, or it is gone when it is read. */
function seedOf({ kept, spoilt }: Scenario, windows: Windows, image: Bytes): Seed {
  const { has, read } = memorySeed(windows, image, (index) => kept.includes(index));
  return {
    has,
    async read(index, pool) {
      if (!spoilt.includes(index)) return read(index, pool);
      if (index % 2 === 0) return undefined;
      return (await read(index, pool))?.fill(1, lengthOfWindow(windows, index) / 2);
    },
  };
}

/** Windows of zeros in the ranges that were asked for. */
function zerosAskedOf(server: ImageServer, { digests }: Windows): number[] {
  return server.requests.flatMap((request) => {
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request) ?? [];
    if (first === undefined || last === undefined) return []; // a server without ranges sends all
    const [from, to] = [first, last].map((at) => Math.floor(Number(at) / WINDOW)) as [number, number];
    return [...digests.keys()].filter((index) => from <= index && index <= to && digests[index] === "zeros");
  });
}

/** Each attempt waits longer than the one before, so that a busy machine is not taken for a silent server for ever. */
class TestTimes implements RetryTimes {
  readonly firstWaitMs = 1;
  readonly longestWaitMs = 8;
  readonly giveUpAfterMs: number;
  #silenceMs: number;

  constructor(scenario: Scenario) {
    const silent = scenario.servers.some(({ faults }) => faults.some(({ kind }) => kind === "stall"));
    this.giveUpAfterMs = mustCome(scenario) ? 40_000 : 200;
    this.#silenceMs = silent ? 50 : 10_000;
  }

  get silenceMs(): number {
    return (this.#silenceMs += 10);
  }
}

/** Counts the windows that have been taken and not come back. */
class CountedPool extends BufferPool {
  #now = 0;
  most = 0;

  constructor() {
    super(WINDOW);
  }

  override acquire(length: number): Bytes {
    this.most = Math.max(this.most, ++this.#now);
    return super.acquire(length);
  }

  override release(buffer: ArrayBuffer): void {
    this.#now--;
    super.release(buffer);
  }
}

/** Counts how often it and its like are being read, but for reads that have been told to stop. */
class CountedSource extends Source {
  readonly #count: { readonly now: Set<AbortSignal>; most: number };

  constructor(url: string, size: number, count: { readonly now: Set<AbortSignal>; most: number }) {
    super(url, size);
    this.#count = count;
  }

  override async *read(...[start, end, silenceMs, stop]: Parameters<Source["read"]>): AsyncGenerator<Bytes> {
    const { now } = this.#count;
    now.add(stop);
    this.#count.most = Math.max(this.#count.most, [...now].filter((signal) => !signal.aborted).length);
    try {
      yield* super.read(start, end, silenceMs, stop);
    } finally {
      now.delete(stop);
    }
  }
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
