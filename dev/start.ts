import { resolve } from "node:path";
import { build } from "vite";
import { builtFlavors, serveBase, signingKeys } from "./serve-base.ts";
import { serveOven } from "./serve-oven.ts";
import type { Running } from "./http-server.ts";
import { serveStage } from "./serve-stage.ts";

export { serveBase, serveOven, serveStage, type Running };

/** All that runs for `npm start`: the stage at `url`, and the origins of the servers it needs. */
export interface Site extends Running {
  readonly base: string;
  readonly oven: string;
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
} = {}): Promise<Site> {
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

/** What to expect of each. */
const FLAVORS = {
  kiosk: "The base is kiosk, the real one; tiny is there by  os notepat tiny",
  tiny: "The base is tiny, which starts a computer and shows the piece's splash. The real one:  npm run base kiosk",
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
    const flavor = (await builtFlavors()).includes("kiosk") ? "kiosk" : "tiny";
    const { url, base, oven, close } = await start({ ...ports, watch: true, flavor });
    console.log(`
  Aesthetic Computer, a small one:  ${url}
  Type  os notepat  and Enter, or open  ${url}/os:notepat
  ${FLAVORS[flavor]}

  Base images are at  ${base}  and the oven is at  ${oven}
  What you change is there when the page is loaded again.  Ctrl-C ends all.
`);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => void close().finally(() => process.exit(0)));
    }
  } catch (error) {
    console.error(`✗ ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}

function portFrom(name: string, usual: number): number {
  const port = Number(process.env[name] || usual);
  if (Number.isInteger(port) && port >= 0 && port < 65536) return port;
  throw new Error(`${name} is "${process.env[name]}", which is no port.`);
}
