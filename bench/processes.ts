import { readdirSync, readFileSync } from "node:fs";

const TICK = 100; // clock ticks a second, as Linux reports them

/** What a process and its descendants use. */
export interface Usage {
  /** Proportional set size of all of them, in bytes: shared pages count once. */
  readonly memory: number;
  /** User and system time of all of them that still run, in seconds. */
  readonly cpu: number;
  /** How many there are. */
  readonly processes: number;
  /** Files, pipes and sockets that they have open. */
  readonly files: number;
}

/** Read `/proc` for `root` and all its descendants. */
export function usage(root: number): Usage {
  const processes = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return [
          { id: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) },
        ];
      } catch {
        return []; // ended meanwhile
      }
    });
  const family = familyOf(root, processes);
  let memory = 0;
  let files = 0;
  for (const id of family) {
    try {
      memory +=
        Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))?.[1] ?? 0) * 1024;
      files += readdirSync(`/proc/${id}/fd`).length;
    } catch {
      // ended meanwhile
    }
  }
  const cpu = processes.filter(({ id }) => family.has(id)).reduce((sum, { ticks }) => sum + ticks, 0) / TICK;
  return { memory, cpu, processes: family.size, files };
}

/** `root` and all that descend from it. */
function familyOf(root: number, processes: readonly { id: number; parent: number }[]): Set<number> {
  const family = new Set([root]);
  for (let grown = true; grown;) {
    grown = false;
    for (const { id, parent } of processes) {
      if (!family.has(parent) || family.has(id)) continue;
      family.add(id);
      grown = true;
    }
  }
  return family;
}
