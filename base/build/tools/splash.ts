import { splash } from "../../../src/splash/splash.ts";

// splash.ts NAME: the picture of a piece of that name, as a PNG on standard output
if (process.argv[1] === import.meta.filename) process.stdout.write(await splash(process.argv[2] ?? "os"));
