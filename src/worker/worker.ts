import { expose } from "comlink";
import { runClock } from "../time/run-clock.ts";
import { carryCauses } from "./api.ts";
import { BuildSession, HEARTBEAT_INTERVAL_MS } from "./session.ts";

// The build worker's thread: it connects the session to comlink, to a timer and to the network's events.

const session = new BuildSession();

// A worker's timers run on while the page is hidden, when the page's own hardly do.
setInterval(() => session.heartbeat(), HEARTBEAT_INTERVAL_MS);
addEventListener("online", () => session.retryNow());
runClock.onWake(() => session.retryNow());

carryCauses();
expose(session);
