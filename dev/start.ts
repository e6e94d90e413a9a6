import { resolve } from "node:path";
import { build } from "vite";
import { serveBase } from "./cdn.ts";
import { serveOven } from "./oven.ts";
import type { Running } from "./server.ts";
import { serveStage } from "./stage.ts";

export { serveBase, serveOven, serveStage, type Running };

/** What is built, and all that a browser needs to go with it, on three ports; 0 is a free one. */
export async function start({ port = 0, cdnPort = 0, ovenPort = 0 } = {}): Promise<Running> {
  const servers: Running[] = [];
  const close = async () => {
    for (const server of servers.reverse()) await server.close();
  };
  try {
    const base = await serveBase({ port: cdnPort });
    servers.push(base);
    const oven = await serveOven({ port: ovenPort });
    servers.push(oven);
    const stage = await serveStage({ port, latest: `${base.url}/latest.json`, oven: oven.url });
    servers.push(stage);
    return { url: stage.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Make `dist/`. */
export async function buildOs(): Promise<void> {
  await build({ root: resolve(import.meta.dirname, ".."), logLevel: "warn" });
}

if (process.argv[1] === import.meta.filename) await main();

async function main(): Promise<void> {
  const number = (name: string, usual: number) => {
    const value = Number(process.env[name] || usual);
    if (Number.isInteger(value) && value >= 0 && value < 65536) return value;
    throw new Error(`${name} is "${process.env[name]}", which is no port.`);
  };
  try {
    const ports = {
      port: number("PORT", 8888),
      cdnPort: number("CDN_PORT", 8889),
      ovenPort: number("OVEN_PORT", 8890),
    };
    await buildOs();
    const { url, close } = await start(ports);
    console.log(`
  Aesthetic Computer, a small one:  ${url}
  Type  os notepat  and Enter, or open  ${url}/os:notepat

  Base images come from port ${ports.cdnPort}, pieces from the oven on port ${ports.ovenPort}.  Ctrl-C ends all.
`);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => void close().finally(() => process.exit(0)));
    }
  } catch (error) {
    console.error(`✗ ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
