import path from "node:path";
import { parseArgs } from "node:util";
import { ANSWER } from "../base/qemu/boot.ts";
import { withMachine } from "../base/qemu/machine.ts";
import { usage } from "./processes.ts";

// `npm run bench:boot -- IMAGE [IMAGE]... [--rounds 3] [--memory 3072]`: from power on to the line that says that the piece is on
// the screen, of images that take turns in one run: seconds, seconds of QEMU's processor time, and what is read of the stick. The
// least of the rounds, with ratios to the first image. A machine that does other work shows in the seconds, and hardly in the bytes.

const TIMEOUT_SECONDS = 1800;

const { values, positionals: images } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "3" }, memory: { type: "string", default: "3072" } },
});
const [rounds, memory] = [Number(values.rounds), Number(values.memory)];
if (images.length === 0 || !(rounds >= 1) || !(memory >= 1))
  throw new RangeError("usage: npm run bench:boot -- IMAGE [IMAGE]... [--rounds N] [--memory MIB]");

/** What one start takes. */
interface Start {
  readonly seconds: number;
  readonly cpu: number;
  readonly bytes: number;
}

/** QEMU's `query-blockstats`, of what is asked here. */
type BlockStats = readonly { readonly stats: { readonly rd_bytes: number } }[];

async function start(image: string): Promise<Start> {
  return await withMachine({ image, memory }, async (machine) => {
    const line = await machine.line(ANSWER, TIMEOUT_SECONDS);
    const { seconds } = machine;
    const { cpu } = usage(machine.processId);
    if (!line.startsWith("PIECE ")) throw new Error(`${image}: ${line}`);
    const disks = (await machine.ask("query-blockstats")) as BlockStats;
    return { seconds, cpu, bytes: Math.max(...disks.map(({ stats }) => stats.rd_bytes)) };
  });
}

const starts = images.map((): Start[] => []);
for (let round = 0; round < rounds; round++)
  for (const [index, image] of images.entries()) starts[index]!.push(await start(image));

const least = starts.map((each) => ({
  seconds: Math.min(...each.map(({ seconds }) => seconds)),
  cpu: Math.min(...each.map(({ cpu }) => cpu)),
  bytes: Math.min(...each.map(({ bytes }) => bytes)),
}));
const first = least[0]!;
for (const [index, { seconds, cpu, bytes }] of least.entries()) {
  const ratio = (of: keyof Start) => (least[index]![of] / first[of]).toFixed(2);
  console.log(path.basename(images[index]!));
  console.log(`  power on to the piece  ${seconds.toFixed(0)} s  (${ratio("seconds")})`);
  console.log(`  processor time         ${cpu.toFixed(0)} s  (${ratio("cpu")})`);
  console.log(`  read of the stick      ${(bytes / 1e6).toFixed(0)} MB  (${ratio("bytes")})`);
}
