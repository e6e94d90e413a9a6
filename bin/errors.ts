import { explain, OsError } from "../src/errors.ts";

/** The command line is not one that we understand. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Run `parse` (Node's `parseArgs`), whose complaints are about usage. */
export function understand<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0], { cause: error });
  }
}

/** End the program with one line on standard error, and what is behind it with `OS_DEBUG=1`. */
export function fail(error: unknown): never {
  const usage = error instanceof UsageError;
  const known = usage || error instanceof RangeError || error instanceof OsError;
  const text =
    error instanceof OsError ? explain(error) : error instanceof Error ? error.message : String(error);
  const hint = usage ? ' ("npm run -s os -- help" says more)' : "";
  process.stderr.write(`os: ${text.replace(/\s+/g, " ")}${hint}\n`);
  if (!known || process.env["OS_DEBUG"]) console.error(error);
  process.exit(usage ? 2 : 1);
}
