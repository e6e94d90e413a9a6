import { splash } from "../../../src/splash/splash.ts";

// npx tsx base/build/tools/splash.ts NAME > FILE.png
process.stdout.write(await splash(process.argv[2] ?? "os"));
