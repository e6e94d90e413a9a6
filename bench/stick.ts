import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { signingKeys } from "../dev/serve-base.ts";
import { usage } from "./processes.ts";

// `npm run bench:stick [kiosk|tiny]`: `os stick` against `cp` of the same files to the same disk, both until it has them
// (fsync; `sync -f`), taking turns. `os stick` reads them out of the image, verifies the windows and hashes each file.
// Prints ratios of the least of several runs, and memory: the machine may be busy, so only ratios mean much.

const ROUNDS = 3;
const SAMPLING = 50; // milliseconds
const root = path.resolve(import.meta.dirname, "..");
const latest = path.join(root, "base/out/cdn/latest.json");
const flavor = process.argv[2] ?? "kiosk";

/** Seconds of wall and processor, and bytes of memory at the peak. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
  readonly memory: number;
}

mkdirSync(path.join(root, "bench/out"), { recursive: true });
const work = mkdtempSync(path.join(root, "bench/out/stick-"));
try {
  const page = path.join(work, "piece.html");
  writeFileSync(page, `<!doctype html><script>${"1;".repeat(1_500_000)}</script>`);
  const ours = path.join(work, "ours");
  const theirs = path.join(work, "theirs");
  const keys = (await signingKeys(path.join(root, "base/out/keys"))).flatMap((key) => ["--key", key]);
  const node = [process.execPath, "--import", "tsx", "bin/os.ts"];
  const base = ["--manifest", latest, "--flavor", flavor, "--bundle", page, "--any-file-system", ...keys];
  const os = (name: string) => [...node, "stick", ours, name, ...base];
  const costs: Record<"stick" | "another" | "cp", Cost[]> = { stick: [], another: [], cp: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const folder of [ours, theirs]) rmSync(folder, { recursive: true, force: true });
    mkdirSync(ours);
    costs.stick.push(await cost(os("notepat")));
    costs.another.push(await cost(os("line")));
    costs.cp.push(await cost(["sh", "-c", 'cp -r "$1" "$2" && sync -f "$2"', "sh", ours, theirs]));
  }
  const bytes = sizeOf(ours);
  const [stick, another, cp] = [least(costs.stick), least(costs.another), least(costs.cp)];
  console.log(`${flavor}, ${(bytes / 1e6).toFixed(0)} MB in files`);
  for (const [name, { wall, cpu, memory }] of Object.entries({ stick, another, cp })) {
    const [seconds, busy] = [wall.toFixed(2), cpu.toFixed(2)];
    console.log(
      `${name.padEnd(8)} ${seconds} s, ${busy} s of processor, ${(memory / 1e6).toFixed(0)} MB of memory`,
    );
  }
  console.log(
    `stick/cp ${(stick.wall / cp.wall).toFixed(2)}, another piece/cp ${(another.wall / cp.wall).toFixed(2)}`,
  );
} finally {
  rmSync(work, { recursive: true });
}

async function cost([command = "", ...args]: readonly string[]): Promise<Cost> {
  const begun = performance.now();
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  let [cpu, memory] = [0, 0];
  const timer = setInterval(() => {
    const now = usage(child.pid!);
    cpu = Math.max(cpu, now.cpu);
    memory = Math.max(memory, now.memory);
  }, SAMPLING);
  const [code] = (await once(child, "exit")) as [number];
  clearInterval(timer);
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return { wall: (performance.now() - begun) / 1000, cpu, memory };
}

function least(costs: readonly Cost[]): Cost {
  const min = (of: (cost: Cost) => number) => Math.min(...costs.map(of));
  return { wall: min((each) => each.wall), cpu: min((each) => each.cpu), memory: min((each) => each.memory) };
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(path.join(parentPath, name)).size, 0);
}
