// npm run test:s3: what is published is tried on a real server. A Ceph of one machine (mon, mgr, one OSD, radosgw), which is
// what DigitalOcean's Spaces and others run, is brought up on loopback from Debian's packages, the tests of publishing run
// against it, and all of it goes again, but for the packages. npm run test:s3 -- COMMAND runs something else beside it.
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { aptGet } from "../../bin/apt.mjs";

const PACKAGES = ["ceph-mon", "ceph-mgr", "ceph-osd", "radosgw"];

/** How long each part may take to come up on a busy machine, in seconds. */
const PATIENCE_SECONDS = 180;

/** Sparse: only what is put takes room. */
const DISK_BYTES = 20 * 2 ** 30;

/** Resolves to the exit code of the command that ran beside the server. */
async function main(command: string[]): Promise<number> {
  install();
  const folder = await mkdtemp(path.join(tmpdir(), "ceph-"));
  const ceph = new Ceph(folder);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => ceph.stop());
  try {
    const environment = await ceph.start();
    const [program = "npx", ...args] =
      command.length > 0 ? command : ["npx", "vitest", "run", "base/publish"];
    const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, ...environment } });
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? 1));
    });
  } catch (error) {
    console.error(`✗ ${error instanceof Error ? error.message : String(error)}`);
    await cp(path.join(folder, "log"), "base/out/ceph", { recursive: true }).catch(() => {}); // not even begun
    console.error("  The servers' logs are in base/out/ceph.");
    return 1;
  } finally {
    ceph.stop();
    await ceph.ended();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Debian's packages, if they are not there. */
function install(): void {
  const missing = PACKAGES.filter((name) => {
    const { stdout } = spawnSync("dpkg-query", ["-W", "-f=${db:Status-Status}", name], { encoding: "utf8" });
    return stdout !== "installed";
  });
  if (missing.length === 0) return;
  console.log(`» Installing Debian packages for a Ceph of one machine, which stay: ${missing.join(" ")}`);
  const prefix = process.getuid?.() === 0 ? [] : ["sudo"];
  aptGet(["update"], { prefix });
  aptGet(["install", "--no-install-recommends", ...missing], { prefix });
}

/** A Ceph whose files are all in one folder and whose ports are free ones of loopback. */
class Ceph {
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];
  #isStopping = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Bring it up. Resolves to the environment that AWS's client finds it by. Throws when a part does not come up. */
  async start(): Promise<Record<string, string>> {
    const [monitor, gateway] = [await freePort(), await freePort()];
    const fsid = randomUUID();
    await mkdir(this.#at("log"));
    await writeFile(this.#at("ceph.conf"), configuration(this.#folder, fsid, monitor));

    const monmap = this.#at("monmap");
    this.#run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", `[v1:127.0.0.1:${monitor}]`, monmap);
    this.#run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap);
    this.#spawn("ceph-mon", "-i", "a");
    await this.#until("the monitor answers", () => this.#ask("ceph", "mon", "stat"));
    await mkdir(this.#at("mgr"));
    this.#spawn("ceph-mgr", "-i", "a");

    const osd = randomUUID();
    this.#run("ceph", "osd", "new", osd);
    await mkdir(this.#at("osd"));
    this.#run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd);
    let disk = this.#spawn("ceph-osd", "-i", "0");
    await this.#until("the disk is up", () => {
      // It may ask the monitor before it has learnt the cluster's id, and ends ("wrong fsid"): one start in three did.
      if (hasEnded(disk)) {
        this.#children.splice(this.#children.indexOf(disk), 1);
        disk = this.#spawn("ceph-osd", "-i", "0");
      }
      return / 1 up/.test(this.#ask("ceph", "osd", "stat") ?? "");
    });

    const [secret, otherSecret] = [randomBytes(16).toString("hex"), randomBytes(16).toString("hex")];
    this.#user("os", secret);
    this.#user("publisher", otherSecret);
    this.#spawn("radosgw", "-n", "client.rgw", `--rgw-frontends=beast endpoint=127.0.0.1:${gateway}`);
    const url = `http://127.0.0.1:${gateway}`;
    await this.#until("the gateway answers", async () => (await fetch(url).catch(() => undefined))?.ok);
    console.log(`» ${execFileSync("radosgw", ["--version"], { encoding: "utf8" }).trim()}, at ${url}`);
    return {
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: "os",
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_REGION: "us-east-1",
      OS_TEST_PUBLISHER: otherSecret,
    };
  }

  /** End what was started, the last first. */
  stop(): void {
    this.#isStopping = true;
    for (const child of this.#children.toReversed()) child.kill("SIGKILL"); // nothing of it is kept
  }

  async ended(): Promise<void> {
    const running = this.#children.filter((child) => !hasEnded(child));
    await Promise.all(running.map((child) => new Promise((resolve) => child.once("close", resolve))));
  }

  /** A user of the gateway, whose access key is called the same. */
  #user(name: string, secret: string): void {
    const key = ["--access-key", name, "--secret", secret];
    this.#run("radosgw-admin", "user", "create", "--uid", name, "--display-name", name, ...key);
  }

  #at(name: string): string {
    return path.join(this.#folder, name);
  }

  #run(program: string, ...args: string[]): void {
    execFileSync(program, ["-c", this.#at("ceph.conf"), ...args], { stdio: ["ignore", "ignore", "pipe"] });
  }

  /** What a program says; undefined when it fails, or is not done within ten seconds. */
  #ask(program: string, ...args: string[]): string | undefined {
    const all = ["-c", this.#at("ceph.conf"), "--connect-timeout", "10", ...args];
    const { status, stdout } = spawnSync(program, all, { encoding: "utf8" });
    return status === 0 ? stdout : undefined;
  }

  #spawn(program: string, ...args: string[]): ChildProcess {
    const child = spawn(program, ["-c", this.#at("ceph.conf"), "-f", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = createWriteStream(this.#at(`log/${program}.out`));
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once("error", () => {}); // it does not come up, which is said
    this.#children.push(child);
    return child;
  }

  async #until(what: string, look: () => unknown): Promise<void> {
    const deadline = Date.now() + PATIENCE_SECONDS * 1000;
    while (!(await look())) {
      if (this.#isStopping) throw new Error("stopped");
      const dead = this.#children.find(hasEnded);
      if (dead) throw new Error(`${path.basename(dead.spawnfile)} has ended: ${await this.#lastWords(dead)}`);
      if (Date.now() > deadline) throw new Error(`it took more than ${PATIENCE_SECONDS} s until ${what}`);
      await wait(200);
    }
  }

  async #lastWords({ spawnfile }: ChildProcess): Promise<string> {
    const said = await readFile(this.#at(`log/${path.basename(spawnfile)}.out`), "utf8").catch(() => "");
    return said.trim().split("\n").at(-1) ?? "";
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** `ceph.conf`: one of each, nothing stored twice, and whoever reaches a port of loopback may do all but what S3 asks a key for. */
function configuration(folder: string, fsid: string, monitor: number): string {
  return `
[global]
fsid = ${fsid}
mon_host = [v1:127.0.0.1:${monitor}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = ${folder}
admin_socket = ${folder}/$name.asok
log_file = ${folder}/log/$name.log
crash_dir = ${folder}
mon_data = ${folder}/mon
mgr_data = ${folder}/mgr
osd_data = ${folder}/osd
rgw_data = ${folder}/rgw
setuser_match_path = ${folder}
mon_allow_pool_size_one = true
mon_data_avail_warn = 1
mon_data_avail_crit = 1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_objectstore = bluestore
bluestore_block_size = ${DISK_BYTES}
mgr_initial_modules =
rgw_thread_pool_size = 32
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

if (process.argv[1] === import.meta.filename) process.exitCode = await main(process.argv.slice(2));
