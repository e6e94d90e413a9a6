import { relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import { build } from "vite";
import { bake } from "./bake.ts";
import { builtFlavors, serveBase, signingKeys } from "./serve-base.ts";
import { serveOven } from "./serve-oven.ts";
import type { Running } from "./http-server.ts";
import { serveStage, type StageOptions } from "./serve-stage.ts";

export { serveBase, serveOven, serveStage, type Running };

/** All that runs for `npm start`: the stage at `url`, and the origins of the servers it needs. */
export interface Site extends Running {
  readonly base: string;
  readonly oven: string;
}

interface Options extends Pick<StageOptions, "port" | "flavor" | "watch"> {
  readonly cdnPort?: number;
  readonly ovenPort?: number;
}

/**
 * Serve what is built, and all that a browser needs to go with it, on three ports; 0 is a free one. `flavor` is the
 * base that is taken when none is asked for.
 */
export async function start({
  port = 0,
  cdnPort = 0,
  ovenPort = 0,
  watch = false,
  flavor = "tiny",
}: Options = {}): Promise<Site> {
  const servers: Running[] = [];
  const close = async () => {
    for (let server = servers.pop(); server; server = servers.pop()) await server.close();
  };
  try {
    const base = await serveBase(undefined, cdnPort);
    servers.push(base);
    const oven = await serveOven(undefined, ovenPort);
    servers.push(oven);
    const keys = await signingKeys();
    const stage = await serveStage({
      port,
      latest: `${base.url}/latest.json`,
      oven: oven.url,
      flavor,
      keys,
      watch,
    });
    servers.push(stage);
    return { url: stage.url, base: base.url, oven: oven.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Make `dist/`; and, with `watch`, again whenever something it is made of changes, until we end. */
export async function buildOs({ watch = false } = {}): Promise<void> {
  const root = resolve(import.meta.dirname, "..");
  const result = await build({ root, logLevel: "warn", build: { watch: watch ? {} : null } });
  if (!("on" in result)) return;
  await new Promise<void>((built, fail) => {
    result.on("event", (event) => {
      if (event.code === "END") built();
      if (event.code !== "ERROR") return;
      console.error(event.error.message);
      fail(event.error); // heard the first time only: later ones have been said
    });
  });
}

/** `kiosk` once there is one; until then `tiny`, which is made before anything is served. */
export async function bestFlavor(directory?: string): Promise<"kiosk" | "tiny"> {
  return (await builtFlavors(directory)).includes("kiosk") ? "kiosk" : "tiny";
}

/** What to expect of each. */
const FLAVORS = {
  kiosk: "The base is kiosk, the real one; the small one is there by  os notepat tiny",
  tiny: "The base is tiny: it starts a computer and shows the piece's splash, and has no browser in it.",
};

if (process.argv[1] === import.meta.filename) await main();

async function main(): Promise<void> {
  try {
    const ports = {
      port: portFrom("PORT", 8888),
      cdnPort: portFrom("CDN_PORT", 8889),
      ovenPort: portFrom("OVEN_PORT", 8890),
    };
    await buildOs({ watch: true });
    const tiny = process.argv.includes("--tiny");
    const flavor = async () => (tiny ? "tiny" : await bestFlavor());
    const { url, base, oven, close } = await start({ ...ports, watch: true, flavor });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => void close().finally(() => process.exit(0)));
    }
    const now = await flavor();
    console.log(`
  Aesthetic Computer, a small one:  ${url}
  Type  os notepat  and Enter, or open  ${url}/os:notepat
  ${FLAVORS[now]}

  Base images are at  ${base}  and the oven is at  ${oven}
  What you change is there when the page is loaded again.  Ctrl-C ends all.
`);
    if (now === "tiny" && !tiny) await addKiosk();
  } catch (error) {
    console.error(`✗ ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}

/** Make the kiosk beside all else, and say how it goes. It ends with us. */
async function addKiosk(): Promise<void> {
  const { isTTY: canAnswer } = process.stdin;
  console.log(`  The kiosk, which shows the piece, is being made beside it: some 10 minutes, 550 MB to download the first
  time. It is taken from the moment it is there.  ${canAnswer ? "Type  no  and Enter to do without it, or start with" : "To do without it:"}  npm start -- --tiny
`);
  const { done, stop } = await bake("kiosk", {
    onStep: (step, number, total) => console.log(`  kiosk: ${step} (${number} of ${total})`),
  });
  process.once("exit", stop);
  // Not a terminal's line editor, which would take Ctrl-C for itself
  const answers = canAnswer ? createInterface({ input: process.stdin, terminal: false }) : undefined;
  answers?.on("line", (line) => {
    if (/^no?$/i.test(line.trim())) stop();
  });
  const baked = await done;
  answers?.close();
  if (baked.kind === "built") {
    console.log(
      "\n✓ The kiosk is there, and what you build from now on has it. The small one:  os notepat tiny\n",
    );
  } else if (baked.kind === "stopped") {
    console.log("\n  The base stays tiny. To make the kiosk:  npm run base kiosk\n");
  } else {
    const log = relative(process.cwd(), baked.log);
    console.error(
      `\n✗ The kiosk could not be made (${baked.why}): the base stays tiny, and ${log} says more.\n`,
    );
  }
}

function portFrom(name: string, usual: number): number {
  const port = Number(process.env[name] || usual);
  if (Number.isInteger(port) && port >= 0 && port < 65536) return port;
  throw new Error(`${name} is "${process.env[name]}", which is no port.`);
}
