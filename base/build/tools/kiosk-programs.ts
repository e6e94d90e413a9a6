import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

// The kiosk's programs for its Node.js, each as one file: of some fifty modules, Node takes as long to find and compile as it
// takes to start, and nothing is on the screen before.

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
  for (const script of SCRIPTS) copyFileSync(join(KIOSK, script), join(folder, script.replace(/.*\//, "")));
}

if (process.argv[1] === import.meta.filename) await bundleKiosk(process.argv[2]!);
