/** How long a server may take to begin its answer: an oven has to bake. */
const ANSWER_TIMEOUT_MS = 120_000;

/**
 * Ask for `url` as a page at `origin` does, or as whoever is no page. Rejects unless the answer is of one of `statuses`;
 * a redirection is not followed.
 */
export async function ask(
  url: string,
  origin: string | undefined,
  { range, statuses = [200] }: { range?: string; statuses?: number[] } = {},
): Promise<Response> {
  const send = async () =>
    await fetch(url, {
      redirect: "manual",
      headers: {
        ...(origin === undefined ? {} : { Origin: origin }),
        ...(range === undefined ? {} : { Range: range }),
      },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
  const response = await send().catch(async (error: Error) => {
    if (!wasClosed(error)) throw error;
    return await send();
  });
  if (statuses.includes(response.status)) return response;
  await response.body?.cancel();
  const location = response.headers.get("Location");
  const to = location === null ? "" : ` and sends on to ${location}`;
  const why =
    response.status === 403
      ? ": it is not there, or not open to everybody (a bucket needs a policy for s3:GetObject, see docs/deploy.md)"
      : "";
  throw new Error(`${url} answers ${response.status}${to}${why}`);
}

/** Whether the server has closed the connection, which it may have kept since an earlier request for long enough (RFC 9112, 9.3.1). */
function wasClosed({ cause }: Error): boolean {
  return (
    cause instanceof Error &&
    "code" in cause &&
    /^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET)$/.test(String(cause.code))
  );
}

/** Throws unless a page at `origin`, another one than the server's, may read this answer (CORS). */
export function checkReadable({ headers }: Response, origin: string): void {
  const allowed = headers.get("Access-Control-Allow-Origin");
  if (allowed === null) throw new Error("the answer has no Access-Control-Allow-Origin");
  if (allowed !== "*" && allowed !== origin) throw new Error(`Access-Control-Allow-Origin is ${allowed}`);
}

/**
 * Throws when a server answers pages with `Access-Control-Allow-Origin`, others without, and does not say so (`Vary`):
 * a cache between may then hand to a page what it had got for somebody else. Ceph does, and so do services that run it.
 */
export async function checkForCaches({ headers, url }: Response): Promise<void> {
  if (!headers.has("Access-Control-Allow-Origin")) return; // the page itself is refused, which is said elsewhere
  const plain = await ask(url, undefined, { range: "bytes=0-0", statuses: [200, 206, 416] });
  await plain.body?.cancel();
  if (
    plain.headers.has("Access-Control-Allow-Origin") ||
    /\b(?:origin\b|\*)/i.test(plain.headers.get("Vary") ?? "")
  )
    return;
  throw new Error(
    "Access-Control-Allow-Origin comes only with requests that name an Origin, and without Vary: Origin",
  );
}

/** Throws unless a page of another origin is shown `names` of this answer's headers. */
export function checkExposed({ headers }: Response, names: readonly string[]): void {
  const exposed = (headers.get("Access-Control-Expose-Headers") ?? "").toLowerCase().split(/\s*,\s*/);
  const hidden = names.filter((name) => !exposed.includes("*") && !exposed.includes(name.toLowerCase()));
  if (hidden.length > 0) throw new Error(`pages are not shown ${hidden.join(", ")}`);
}

/** Throws when the bytes are not sent as they are. */
export function checkPlain({ headers }: Response): void {
  const encoding = headers.get("Content-Encoding") ?? "identity";
  if (encoding !== "identity") throw new Error(`it is sent as ${encoding}`);
}

/** For how many seconds caches may answer in the server's place (RFC 9111, section 5.2). */
export function lifetimeOf({ headers }: Response): number {
  const said = headers.get("Cache-Control") ?? "";
  if (/\bno-(?:cache|store)\b/i.test(said)) return 0;
  const ages = [...said.matchAll(/\b(?:s-)?max-?age=(\d+)/gi)].map(([, seconds]) => Number(seconds));
  return said === "" || ages.length === 0 ? Number.NaN : Math.max(...ages);
}
