import { cpSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { shipPiece } from "./dev/ship-piece.ts";

const OS = "aesthetic.computer/os";

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
      output: {
        // A stable name for what os.mjs asks for, with ?v=; hashes for all that it asks for in turn, since
        // AC's service worker serves what it has cached first and looks for something newer afterwards.
        entryFileNames: `${OS}/[name].js`,
        chunkFileNames: hashed,
        assetFileNames: hashed,
        // AC runs page.js anew at every visit. What outlives a visit is in a file of its own, which all instances of
        // page.js import by the same address and so share. The splash is fetched only where there is no live preview.
        codeSplitting: { groups: [{ name: "builds", test: /\/src\/(?!ui\/page\.ts|splash\/)/ }] },
      },
    },
  },
  worker: { format: "es", rolldownOptions: { output: { entryFileNames: hashed, chunkFileNames: hashed } } },
  plugins: [shipped(), shipPiece()],
  test: {
    include: ["{src,base,dev,disks,bin}/**/*.test.ts"],
    exclude: ["base/out/**", "node_modules/**"],
    environment: "node",
    // Most of the time goes into waiting for browsers and machines
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

/** What is shipped as it stands: `public/`. */
function shipped(): Plugin {
  return {
    name: "shipped",
    apply: "build",
    buildStart() {
      for (const name of readdirSync(served)) this.addWatchFile(resolve(served, name));
    },
    writeBundle({ dir = "dist" }) {
      cpSync(served, `${dir}/${OS}`, { recursive: true });
    },
  };
}
