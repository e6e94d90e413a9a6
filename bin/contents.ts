import { diskSizeOf, parseGpt, SECTOR } from "../src/image/gpt.ts";
import type { At } from "../src/image/contents.ts";

/** How much of a disk's start is looked at to say what is on it, in bytes. */
const LOOKED_AT = 1024 * 1024;

/** The most partitions that are named; a label has at most 36 characters. */
const MOST_LABELS = 8;

/** What is on a disk, in words for whoever is about to lose it. */
export async function contentsOf(at: At, size: number): Promise<string> {
  const start = await at(0, Math.min(LOOKED_AT, size));
  const signature = start.subarray(SECTOR, SECTOR + 8);
  try {
    const partitions = await parseGpt(start, await diskSizeOf(start));
    const labels = partitions.map(({ label, number }) => label || `partition ${number}`);
    const more = labels.length > MOST_LABELS ? `, and ${labels.length - MOST_LABELS} more` : "";
    if (labels.length === 0) return "a partition table without partitions";
    return `the partitions ${labels.slice(0, MOST_LABELS).join(", ")}${more}`;
  } catch {
    if (Buffer.from(signature).toString("latin1") === "EFI PART") return "a partition table that is damaged";
  }
  if (start[510] === 0x55 && start[511] === 0xaa) return "a file system, or partitions of the old kind (MBR)";
  return start.every((byte) => byte === 0) ? "nothing at its start" : "something without a partition table";
}
