import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const OS = "aesthetic.computer/os";
const BUILD = "__OS_BUILD__"; // in disks/os.mjs, where the page module's version belongs

const served = `public/${OS}`;
const hashed = `${OS}/[name]-[hash].js`;

// `vite build` makes `dist/`, laid out to be copied straight over AC's `system/public/`.
export default defineConfig({
  base: "./",
  publicDir: false, // copied by `shipped`: public/ also holds what is not to be served
  build: {
    target: "es2022",
    sourcemap: true,
    modulePreload: false,
    rolldownOptions: {
      input: { page: "src/ui/page.ts" },
      // A stable name for what os.mjs asks for, with ?v=; hashes for all that it asks for in turn, since
      // AC's service worker serves what it has cached first and looks for something newer afterwards.
      output: { entryFileNames: `${OS}/[name].js`, chunkFileNames: hashed, assetFileNames: hashed },
    },
  },
  worker: { format: "es", rolldownOptions: { output: { entryFileNames: hashed, chunkFileNames: hashed } } },
  plugins: [shipped()],
  test: {
    include: ["{src,base,dev,disks,bin}/**/*.test.ts"],
    exclude: ["base/out/**", "node_modules/**"],
    environment: "node",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

/** What is shipped as it stands: `public/`, and the piece, readable, told which build it belongs to. */
function shipped(): Plugin {
  return {
    name: "shipped",
    apply: "build",
    buildStart() {
      this.addWatchFile(resolve("disks/os.mjs"));
      for (const name of readdirSync(served)) this.addWatchFile(resolve(served, name));
    },
    generateBundle(_, bundle) {
      const hash = createHash("sha256");
      for (const [name, file] of Object.entries(bundle)) {
        if (name.endsWith(".js")) hash.update(file.type === "chunk" ? file.code : file.source);
      }
      this.emitFile({
        type: "asset",
        fileName: "aesthetic.computer/disks/os.mjs",
        source: readFileSync("disks/os.mjs", "utf8").replaceAll(BUILD, hash.digest("hex").slice(0, 12)),
      });
    },
    writeBundle({ dir = "dist" }) {
      cpSync(served, `${dir}/${OS}`, { recursive: true });
    },
  };
}
