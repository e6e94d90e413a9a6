import { copyFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "vite";

// The kiosk's programs for its Node.js, each as one file: the session starts in 0.82 of the processor time that its modules
// take one by one, and the compositor waits for it (docs/measurements.md).

const KIOSK = join(import.meta.dirname, "../../kiosk");

/** Their names in the image, and the module that each begins with. */
export const PROGRAMS = {
  session: "session/main.ts",
  settings: "settings/main.ts",
  control: "control/main.ts",
  watch: "control/watch-main.ts",
} as const;

/** What they read beside themselves: scripts that run in a page. */
const SCRIPTS = ["session/in-page.js", "session/in-settings-page.js"];

/** Write them into `folder`, as ES modules `NAME.mjs`. Throws `Error` when one cannot be bundled. */
export async function bundleKiosk(folder: string): Promise<void> {
  for (const [name, entry] of Object.entries(PROGRAMS)) {
    await build({
      configFile: false,
      root: KIOSK,
      logLevel: "warn",
      build: {
        ssr: true, // for Node: its own modules stay where they are
        target: "node20",
        minify: false, // so that a log says where something was
        outDir: folder,
        emptyOutDir: false,
        copyPublicDir: false,
        rolldownOptions: {
          input: { [name]: join(KIOSK, entry) },
          output: { entryFileNames: "[name].mjs", codeSplitting: false },
        },
      },
      ssr: { noExternal: true },
    });
  }
  for (const script of SCRIPTS) copyFileSync(join(KIOSK, script), join(folder, basename(script)));
}

if (process.argv[1] === import.meta.filename) await bundleKiosk(process.argv[2]!);
