import { ac } from "./ac.ts";
import { openBuild } from "./build.ts";
import { loadConfig } from "./config.ts";
import { notes } from "./notes.ts";
import { BuildRegistry } from "./registry.ts";
import { requestFor } from "./request.ts";

/**
 * The builds of this page. AC runs `page.ts` anew at every visit of the piece, as another instance of the module; this
 * module it imports by one and the same address, so all instances share it. (It is a file of its own for that reason:
 * see `vite.config.ts`.)
 */
export const builds = new BuildRegistry(
  (asked, report, before) => {
    const build = openBuild(
      // What the person has allowed the piece holds for the next attempt.
      async () => requestFor(asked, await loadConfig(), notes.seen, before?.state.info?.allow),
      { piece: asked.piece, keep: notes.keep },
      () => {
        if (build.state.stage === "ready" && build.state.info) notes.recordReady(build.state.info);
        report();
      },
    );
    return build;
  },
  (message) => ac.signal(message),
);
