// apt-get for bin/setup.mjs: plain JavaScript on Node alone, as that is.
import { spawnSync } from "node:child_process";

/** What apt and dpkg say, in English, while another one holds one of their locks. */
const LOCKED = /Could not get lock|Unable to lock|frontend lock was locked/i;
const HOLDER = /held by process (\d+(?: \([^)]+\))?)/;

/**
 * Run `apt-get ARGS`, unattended. While another apt or dpkg is at work (a fresh Ubuntu updates itself in its first
 * minutes), wait for it and say so, once. Throws an Error with what apt said last when it fails otherwise, or
 * when the lock is still held after `giveUpAfterSeconds`.
 *
 * `DPkg::Lock::Timeout` alone will not do: it covers dpkg's lock, and not those of `update` (apt 2.6 fails at once
 * when /var/lib/apt/lists/lock is held) and of the archives.
 *
 * @param {string[]} args
 * @param {{ prefix?: string[], say?: (text: string) => void, giveUpAfterSeconds?: number, retryMs?: number }} [options]
 *   `prefix` is what goes before it: `["sudo"]`, if anything
 */
export function aptGet(
  args,
  { prefix = [], say = console.log, giveUpAfterSeconds = 900, retryMs = 3000 } = {},
) {
  const [command = "", ...rest] = [
    ...prefix,
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "LC_ALL=C",
    "apt-get",
    "-q",
    "-y",
    ...args,
  ];
  const deadline = Date.now() + giveUpAfterSeconds * 1000;
  for (let waiting = false; ; waiting = true) {
    const { status, stderr, error } = spawnSync(command, rest, {
      stdio: ["inherit", "inherit", "pipe"],
      encoding: "utf8",
    });
    if (status === 0) {
      process.stderr.write(stderr);
      return;
    }
    if (!LOCKED.test(stderr ?? "") || Date.now() > deadline) {
      process.stderr.write(stderr ?? "");
      throw new Error(stderr?.trim().split("\n").at(-1) || error?.message || `apt-get ended with ${status}`);
    }
    const holder = HOLDER.exec(stderr)?.[1];
    if (!waiting)
      say(`Another package manager is at work${holder ? `: process ${holder}` : ""}. Waiting for it.`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs); // sleeps: all of the set-up is synchronous
  }
}
