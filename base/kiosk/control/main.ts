// kiosk-control@.service: does, as root, what the settings page asks for and its session may not do. Standard input and output
// are a connection to its socket, which only the session's user can open; it ends with that.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { callIwd } from "./iwd-bus.ts";
import { keepSettings, rememberNetwork, storeByService } from "./keep.ts";
import type { Answer, Request } from "./request.ts";
import { serveRequests } from "./serve.ts";
import { joinNetwork, networksInReach, scan } from "./wifi.ts";

const NETWORKS = "/var/lib/iwd";
const OURS = "/run/fedac/control";
const LOG_LINES = 400;
const run = promisify(execFile);

async function carryOut(request: Request): Promise<Omit<Answer & { ok: true }, "ok">> {
  switch (request.ask) {
    case "networks":
      return { networks: await networksInReach(callIwd) };
    case "scan":
      await scan(callIwd);
      return {};
    case "join": {
      const joined = await joinNetwork(callIwd, NETWORKS, request);
      if (joined) await rememberNetwork(OURS, joined);
      return {};
    }
    case "log": {
      const how = ["--boot", "--output=short-monotonic", "--no-hostname", "--quiet", `--lines=${LOG_LINES}`];
      return { log: (await run("/usr/bin/journalctl", how, { maxBuffer: 2 ** 22 })).stdout };
    }
    case "keep":
      await keepSettings({ piece: "/mnt/piece", ours: OURS, store: storeByService }, request.settings);
      return {};
    case "restart":
    case "switch-off": {
      const how = request.ask === "restart" ? "reboot" : "poweroff";
      await run("/usr/bin/systemctl", ["--no-block", how]);
      return {};
    }
    default:
      return request satisfies never;
  }
}

await serveRequests(process.stdin, process.stdout, carryOut);
