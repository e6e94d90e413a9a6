import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Random } from "./mutate.ts";
import { faulty, targets } from "./targets.ts";

// npm run fuzz -- [SECONDS] [--seed N] [--target NAME] [--case N] [--patience SECONDS]
//
// Tries the parsers of all that comes from outside with what nobody would send by mistake. Each parser has a thread, which
// is ended when one case takes longer than the patience. What fails is printed with the line that does the same again.

/** A parser may make JavaScript objects for as many MiB (V8's heap), and the process may grow by as many. */
const HEAP_MIB = 256;
const GROWTH_MIB = 768;
const POLL_MS = 50;
/** A thread first loads what it tries. */
const START_MS = 60_000;

interface Job {
  readonly target: string;
  readonly seed: number;
  readonly first: number;
  /** How many cases at most. */
  readonly most: number;
  readonly milliseconds: number;
  /** The case that is being tried, for whoever ends the thread; before the first, one less. */
  readonly current: Int32Array<SharedArrayBuffer>;
}

interface Outcome {
  readonly cases: number;
  readonly failure?: string;
}

/** V8's own errors are `RangeError`s too, and no parser's. */
const V8 =
  /call stack|Invalid (?:typed )?(?:array|string|count|DataView)|outside the bounds|out of (?:range|bounds)|allocation failed/i;

/** Try cases until the time is up or one fails. */
async function work({ target: name, seed, first, most, milliseconds, current }: Job): Promise<Outcome> {
  const target = [...targets, ...faulty].find((each) => each.name === name)!;
  const end = performance.now() + milliseconds;
  let index = first;
  for (; index < first + most && performance.now() < end; index++) {
    Atomics.store(current, 0, index);
    try {
      await target.run(new Random(seed, name, index));
    } catch (error) {
      const { name: kind, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
      if (kind === target.error && !V8.test(message)) continue;
      return { cases: index - first + 1, failure: stack.slice(0, 2000) || `${kind}: ${message}` };
    }
  }
  return { cases: index - first };
}

/** tsx does not reach threads by itself (Node 20). */
const THREAD = `import(${JSON.stringify(import.meta.resolve("tsx/esm/api"))}).then(({ register }) => {
  register();
  return import(${JSON.stringify(import.meta.url)});
})`;

/** The same in a thread of its own, watched. `grown` hears by how many bytes the process has grown. */
async function watch(job: Job, patienceMs: number, grown: (bytes: number) => void): Promise<Outcome> {
  const before = process.memoryUsage.rss();
  const worker = new Worker(THREAD, {
    eval: true,
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  });
  const cases = () => Atomics.load(job.current, 0) - job.first + 1;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Outcome>((resolve) => {
      worker.once("message", resolve);
      worker.once("error", (error) => resolve({ cases: cases(), failure: error.message }));
      let last = -1;
      let since = performance.now();
      timer = setInterval(() => {
        const now = Atomics.load(job.current, 0);
        if (now !== last) [last, since] = [now, performance.now()];
        const growth = process.memoryUsage.rss() - before;
        grown(growth);
        if (growth > GROWTH_MIB * 2 ** 20)
          resolve({ cases: cases(), failure: `took ${growth} bytes of memory` });
        const isStarting = now < job.first;
        if (performance.now() - since > (isStarting ? START_MS : patienceMs)) {
          resolve({ cases: cases(), failure: `did not end within ${patienceMs / 1000} s` });
        }
      }, POLL_MS);
    });
  } finally {
    clearInterval(timer);
    await worker.terminate();
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: "string" },
      target: { type: "string" },
      case: { type: "string" },
      patience: { type: "string", default: "30" }, // the machine may be busy
    },
  });
  const seconds = Number(positionals[0] ?? 60);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const chosen =
    values.target === undefined
      ? targets
      : [...targets, ...faulty].filter(({ name }) => name === values.target);
  if (!(seconds > 0) || !Number.isSafeInteger(seed) || chosen.length === 0) {
    throw new RangeError(
      `fuzz [SECONDS] [--seed N] [--target ${targets.map(({ name }) => name).join("|")}] [--case N]`,
    );
  }
  console.log(`seed ${seed}`);
  const weights = chosen.reduce((sum, { weight }) => sum + weight, 0);
  for (const { name, weight } of chosen) {
    let peak = 0;
    const current = new Int32Array(new SharedArrayBuffer(4));
    const first = Number(values.case ?? 0);
    const most = values.case === undefined ? Infinity : 1;
    const milliseconds = (1000 * seconds * weight) / weights;
    current[0] = first - 1;
    const job: Job = { target: name, seed, first, most, milliseconds, current };
    const { cases, failure } = await watch(
      job,
      Number(values.patience) * 1000,
      (bytes) => (peak = Math.max(peak, bytes)),
    );
    console.log(`${name}: ${cases} cases, ${Math.round(peak / 2 ** 20)} MiB`);
    if (failure === undefined) continue;
    process.exitCode = 1;
    const failed = first + cases - 1;
    console.log(`✗ ${failure}\n  again: npm run fuzz -- --seed ${seed} --target ${name} --case ${failed}`);
  }
}

if (!isMainThread) parentPort?.postMessage(await work(workerData as Job));
else if (process.argv[1] === import.meta.filename) await main();
