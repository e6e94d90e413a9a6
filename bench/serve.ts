import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { usage } from "./processes.ts";

// `npm run bench:serve -- IMAGE [--machines 30] [--rounds 2]`: a classroom's computers fetch a whole image at once, from `os serve`
// and from Python's http.server, which take turns on this computer alone: seconds, the server's processor time and memory, and
// ratios. What fetches runs on the same processors, so a server that needs less of them looks less different than it is.

const PORTS = { ours: 8180, theirs: 8181 };
const root = path.resolve(import.meta.dirname, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { machines: { type: "string", default: "30" }, rounds: { type: "string", default: "2" } },
});
const [machines, rounds] = [Number(values.machines), Number(values.rounds)];
const image = positionals[0];
if (image === undefined || !(machines >= 1) || !(rounds >= 1))
  throw new RangeError("usage: npm run bench:serve -- IMAGE [--machines N] [--rounds N]");

/** What it takes to serve all of them. */
interface Cost {
  readonly seconds: number;
  readonly cpu: number;
  readonly memory: number;
}

const OS = [process.execPath, "--import", "tsx", "bin/os.ts", "serve", image, "--address", "127.0.0.1"];
const FOLDER = path.dirname(path.resolve(image));
const PYTHON = ["python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", FOLDER];
const SERVERS: Record<keyof typeof PORTS, { readonly command: readonly string[]; readonly url: string }> = {
  ours: { command: [...OS, "--port", `${PORTS.ours}`], url: `http://127.0.0.1:${PORTS.ours}/os.iso` },
  theirs: {
    command: [...PYTHON, `${PORTS.theirs}`],
    url: `http://127.0.0.1:${PORTS.theirs}/${encodeURIComponent(path.basename(image))}`,
  },
};

async function fetchAll(url: string): Promise<number> {
  return await new Promise((done, fail) => {
    get(url, (response) => {
      if (response.statusCode !== 200) fail(new Error(`${url}: ${response.statusCode}`));
      let bytes = 0;
      response.on("data", (chunk: Buffer) => (bytes += chunk.length));
      response.once("end", () => done(bytes));
    }).once("error", fail);
  });
}

async function cost({ command: [program = "", ...args], url }: (typeof SERVERS)["ours"]): Promise<Cost> {
  const server = spawn(program, args, { cwd: root, stdio: "ignore" });
  const ended = once(server, "exit");
  try {
    while (!(await answers(url))) {
      if (server.exitCode !== null) throw new Error(`${program} ${args.join(" ")} has ended`);
      await delay(100);
    }
    const before = usage(server.pid!).cpu;
    const begun = performance.now();
    const bytes = await Promise.all(Array.from({ length: machines }, async () => await fetchAll(url)));
    const seconds = (performance.now() - begun) / 1000;
    if (new Set(bytes).size !== 1) throw new Error(`${url}: not all of it came`);
    const { cpu, memory } = usage(server.pid!);
    return { seconds, cpu: cpu - before, memory };
  } finally {
    server.kill();
    await ended;
  }
}

async function answers(url: string): Promise<boolean> {
  return await fetch(url, { method: "HEAD" }).then(({ ok }) => ok, () => false); // prettier-ignore
}

const costs: Record<keyof typeof SERVERS, Cost[]> = { ours: [], theirs: [] };
for (let round = 0; round < rounds; round++) {
  for (const name of ["ours", "theirs"] as const) costs[name].push(await cost(SERVERS[name]));
}
const least = (name: keyof typeof SERVERS, of: keyof Cost) =>
  Math.min(...costs[name].map((each) => each[of]));
console.log(
  `${machines} computers that fetch ${path.basename(image)}; in parentheses: to Python's http.server`,
);
for (const [what, of, unit, scale] of [
  ["all have it after", "seconds", "s", 1],
  ["processor time", "cpu", "s", 1],
  ["memory", "memory", "MB", 1e-6],
] as const) {
  const [ours, theirs] = [least("ours", of), least("theirs", of)];
  console.log(`  ${what.padEnd(18)} ${(ours * scale).toFixed(1)} ${unit}  (${(ours / theirs).toFixed(2)})`);
}
