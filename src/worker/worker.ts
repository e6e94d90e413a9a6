import { expose } from "comlink";
import { runClock } from "../time/run-clock.ts";
import { carryCauses, IMAGE_WORKER } from "./api.ts";
import { ImageSession } from "./image-session.ts";
import { BuildSession, HEARTBEAT_INTERVAL_MS } from "./session.ts";

// A worker's thread: it connects its session to comlink, to a timer and to the network's events. A worker of the name
// `IMAGE_WORKER` has an image that is on disk, any other one a build.

const session = self.name === IMAGE_WORKER ? new ImageSession() : new BuildSession();

// A worker's timers run on while the page is hidden, when the page's own hardly do.
setInterval(() => session.heartbeat(), HEARTBEAT_INTERVAL_MS);
addEventListener("online", () => session.retryNow());
runClock.onWake(() => session.retryNow());

carryCauses();
expose(session);
