// kiosk-hold@.service: tells who has connected to its socket, a line each, what somebody holds to get to the settings page.
// It reads what every key of every keyboard does, so it has no rights but to that, and says nothing else.
import { watchHolds } from "./watch.ts";

const end = () => process.kill(process.pid, "SIGKILL"); // reads that wait in threads keep a process from exiting
process.stdin.on("end", end).on("error", end).resume();
process.stdout.on("error", end);
await watchHolds({
  devices: "/dev/input",
  classes: "/sys/class/input",
  evtest: "/usr/bin/evtest",
  onHold: (hold) => process.stdout.write(`${hold}\n`),
  signal: new AbortController().signal,
});
