/** What a page may load, by kind: the directives of a Content-Security-Policy that concern us. */
export type Directive = "script-src" | "worker-src" | "frame-src" | "connect-src";

/** Where a directive's sources are said when the directive itself is not there (CSP 3, section 6.8.3). */
const FALLBACKS: Record<Directive, readonly string[]> = {
  "script-src": ["script-src-elem", "script-src", "default-src"],
  "worker-src": ["worker-src", "child-src", "script-src", "default-src"],
  "frame-src": ["frame-src", "child-src", "default-src"],
  "connect-src": ["connect-src", "default-src"],
};

/** Ports that need not be written. */
const USUAL_PORTS: Record<string, string> = { "http:": "80", "https:": "443", "ws:": "80", "wss:": "443" };

/** Names of sources, by directive. */
type Policy = ReadonlyMap<string, readonly string[]>;

/**
 * The Content-Security-Policies of one answer: of its header, where several are separated by commas, and of the
 * `<meta>` elements of a page. Whatever any of them forbids is forbidden.
 */
export class Policies {
  readonly #policies: readonly Policy[];
  readonly #origin: string;

  /** `page` is the page's text, if it is one; `url` is where the answer came from, which `'self'` stands for. */
  constructor(header: string | null, url: string, page = "") {
    const inPage = [...page.matchAll(/<meta\b[^>]*\bcontent-security-policy\b[^>]*>/gi)].map(
      ([meta]) => /\bcontent=(?:"([^"]*)"|'([^']*)')/i.exec(meta)?.slice(1).find(Boolean) ?? "",
    );
    this.#policies = [...(header ?? "").split(","), ...inPage].map(parse);
    this.#origin = new URL(url).origin;
  }

  /** The directive that keeps `url` from being loaded, as it is written; nothing when it may be. */
  forbids(directive: Directive, url: string): string | undefined {
    return this.#first(FALLBACKS[directive], (sources) =>
      sources.some((source) => this.#matches(source, new URL(url))),
    );
  }

  /** The directive that keeps WebAssembly from being compiled. */
  forbidsWebAssembly(): string | undefined {
    return this.#first(["script-src", "default-src"], (sources) =>
      sources.some((source) => /^'(?:wasm-unsafe-eval|unsafe-eval)'$/i.test(source)),
    );
  }

  /** The directive that keeps scripts written in a page from running. A hash or nonce turns `'unsafe-inline'` off. */
  forbidsInlineScripts(): string | undefined {
    return this.#first(FALLBACKS["script-src"], (sources) => {
      const strict = sources.some((source) => /^'(?:nonce-|sha\d+-|strict-dynamic)/i.test(source));
      return !strict && sources.some((source) => /^'unsafe-inline'$/i.test(source));
    });
  }

  #first(names: readonly string[], allows: (sources: readonly string[]) => boolean): string | undefined {
    for (const policy of this.#policies) {
      const name = names.find((each) => policy.has(each));
      const sources = name === undefined ? undefined : policy.get(name);
      if (sources && !allows(sources)) return `${name} ${sources.join(" ")}`;
    }
    return undefined;
  }

  /** CSP 3, section 6.7.2.7, without redirections. */
  #matches(source: string, url: URL): boolean {
    const text = source.toLowerCase();
    if (text === "'self'") return url.origin === this.#origin && url.protocol !== "blob:"; // has to be named
    if (text === "'strict-dynamic'") return true; // AC's own script is what adds ours
    if (text === "*") return /^(?:https?|wss?):$/.test(url.protocol);
    if (/^[a-z][a-z0-9+.-]*:$/.test(text)) return schemeFits(text, url.protocol);
    const [, scheme, host = "", port, path] =
      /^(?:([a-z][a-z0-9+.-]*:)\/\/)?([^/:']+)(?::(\d+|\*))?(\/[^?#]*)?$/.exec(text) ?? [];
    if (host === "") return false;
    const itsPort = url.port || USUAL_PORTS[url.protocol];
    return (
      schemeFits(scheme ?? new URL(this.#origin).protocol, url.protocol) &&
      (host.startsWith("*.")
        ? url.hostname.endsWith(host.slice(1))
        : host === "*" || host === url.hostname) &&
      (port === "*" || (port === undefined ? itsPort === USUAL_PORTS[url.protocol] : port === itsPort)) &&
      (path === undefined ||
        (path.endsWith("/")
          ? url.pathname.toLowerCase().startsWith(path)
          : url.pathname.toLowerCase() === path))
    );
  }
}

/** What is said of http holds for https too. */
function schemeFits(said: string, is: string): boolean {
  return said === is || (said === "http:" && is === "https:");
}

/** The first of several directives of one name counts. */
function parse(text: string): Policy {
  const policy = new Map<string, string[]>();
  for (const each of text.split(";")) {
    const [name = "", ...sources] = each.trim().split(/\s+/);
    const key = name.toLowerCase();
    if (key !== "" && !policy.has(key)) policy.set(key, sources);
  }
  return policy;
}
