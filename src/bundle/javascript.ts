/**
 * A token of a JavaScript module. `text` is what stands between the quotes of a string, the text between two
 * substitutions of a template, and otherwise the token itself; numbers are names. Punctuation comes one character at a
 * time.
 */
export interface Token {
  readonly kind: "name" | "string" | "template" | "punctuation" | "regex";
  readonly text: string;
  /** Where it stands in the source, quotes included. */
  readonly start: number;
  readonly end: number;
}

/** After these names a slash begins a regular expression, as it does after an operator; after others it divides. */
const BEFORE_REGEX = new Set(
  "return typeof case in of delete void throw new else do yield await instanceof".split(" "),
);

const NAME = /[\w$\u0080-\uffff]+/y;

/**
 * The tokens of `source`, without white space and comments. Takes anything, in one pass: what is not JavaScript gives
 * odd tokens and no error. A slash is told from the token before it, as simple highlighters do; where that is wrong
 * (`if (x) /"/`), the rest of its line is.
 */
export function* tokensOf(source: string): Generator<Token> {
  /** For each template that is open around `at`, how many braces are open in its substitution. */
  const templates: number[] = [];
  let before: Token | undefined;
  /** Up to here no slash begins a regular expression: one has been tried on this line and found no end. */
  let dividesUntil = 0;
  let at = 0;
  while (at < source.length) {
    const start = at;
    const char = source[at] ?? "";
    let kind: Token["kind"] = "punctuation";
    if (/\s/.test(char)) {
      at++;
      continue;
    }
    if (source.startsWith("//", at) || (at === 0 && source.startsWith("#!"))) {
      at = endOfLine(source, at);
      continue;
    }
    if (source.startsWith("/*", at)) {
      const end = source.indexOf("*/", at + 2);
      at = end < 0 ? source.length : end + 2;
      continue;
    }
    NAME.lastIndex = at;
    if (NAME.test(source)) {
      kind = "name";
      at = NAME.lastIndex;
    } else if (char === '"' || char === "'") {
      kind = "string";
      at = endOfQuoted(source, at + 1, char);
    } else if (char === "`" || (char === "}" && templates.at(-1) === 0)) {
      if (char === "}") templates.pop();
      kind = "template";
      at = endOfTemplate(source, at + 1);
      if (source.startsWith("${", at - 2)) templates.push(0);
    } else if (char === "/" && at >= dividesUntil && mayBeginRegex(before)) {
      const end = endOfRegex(source, at + 1);
      if (end > 0) kind = "regex";
      else dividesUntil = endOfLine(source, at);
      at = end > 0 ? end : at + 1;
    } else {
      const open = templates.length - 1;
      if (open >= 0 && char === "{") templates[open] = (templates[open] ?? 0) + 1;
      if (open >= 0 && char === "}") templates[open] = (templates[open] ?? 0) - 1;
      at++;
    }
    const text =
      kind === "string" || kind === "template" ? inner(source, start, at) : source.slice(start, at);
    before = { kind, text, start, end: at };
    yield before;
  }
}

/** What `source` imports by a string that stands there, in order. */
export interface Import {
  readonly specifier: string;
  /** `import("x")` and `new URL("x", import.meta.url)` may fail without the module failing. */
  readonly kind: "static" | "dynamic" | "url";
  /** Where the string stands, quotes included; of `new URL(…)` the whole expression. */
  readonly start: number;
  readonly end: number;
}

/** The imports of a module, from its tokens: none that stands in a comment or in a string. */
export function importsOf(source: string): Import[] {
  const imports: Import[] = [];
  const recent: Token[] = []; // as many as the longest form has
  for (const token of tokensOf(source)) {
    recent.push(token);
    if (recent.length > URL_FORM.length) recent.shift();
    const [first, second, third] = [recent.at(-2), recent.at(-3), recent.at(-4)];
    const { text: specifier, start, end } = token;
    if (token.kind === "string" || (token.kind === "template" && isWhole(source, token))) {
      const follows = (before: Token | undefined, word: string) =>
        before?.kind === "name" && before.text === word;
      if (follows(first, "from") || (follows(first, "import") && token.kind === "string")) {
        if (isText(second, ".")) continue; // `Array.from "x"`: no import, and no JavaScript
        imports.push({ specifier, kind: "static", start, end });
      } else if (isText(first, "(") && follows(second, "import") && !isText(third, ".")) {
        imports.push({ specifier, kind: "dynamic", start, end });
      }
    } else if (isUrlForm(recent)) {
      const [head, , , at] = recent;
      if (head && at) imports.push({ specifier: at.text, kind: "url", start: head.start, end });
    }
  }
  return imports;
}

/** `source` with each import's string, or `new URL(…)`, replaced by what `rewrite` gives, if it gives something. */
export function rewriteImports(source: string, rewrite: (found: Import) => string | undefined): string {
  let out = "";
  let at = 0;
  for (const found of importsOf(source)) {
    const replacement = rewrite(found);
    if (replacement === undefined) continue;
    out += source.slice(at, found.start) + replacement;
    at = found.end;
  }
  return out + source.slice(at);
}

const URL_FORM = ["new", "URL", "(", undefined, ",", "import", ".", "meta", ".", "url", ")"];

function isUrlForm(tokens: readonly Token[]): boolean {
  return (
    tokens.length === URL_FORM.length &&
    tokens.every((token, i) => (i === 3 ? token.kind === "string" : token.text === URL_FORM[i]))
  );
}

function isText(token: Token | undefined, text: string): boolean {
  return token?.kind !== "string" && token?.text === text;
}

/** Whether a template has no substitutions. */
function isWhole(source: string, { start, end }: Token): boolean {
  return source[start] === "`" && source[end - 1] === "`";
}

function inner(source: string, start: number, end: number): string {
  return source.slice(start + 1, source.startsWith("${", end - 2) ? end - 2 : Math.max(start + 1, end - 1));
}

function endOfLine(source: string, at: number): number {
  const end = source.indexOf("\n", at);
  return end < 0 ? source.length : end;
}

/** After the closing quote, or at the end of the line for a string that is never closed. */
function endOfQuoted(source: string, at: number, quote: string): number {
  for (; at < source.length; at++) {
    const char = source[at];
    if (char === "\\") at++;
    else if (char === quote) return at + 1;
    else if (char === "\n") return at;
  }
  return source.length;
}

/** After the closing backtick, or after the `${` of a substitution. */
function endOfTemplate(source: string, at: number): number {
  for (; at < source.length; at++) {
    const char = source[at];
    if (char === "\\") at++;
    else if (char === "`") return at + 1;
    else if (char === "$" && source[at + 1] === "{") return at + 2;
  }
  return source.length;
}

/** After the closing slash, or 0 when there is none on the line. */
function endOfRegex(source: string, at: number): number {
  let inClass = false;
  for (; at < source.length; at++) {
    const char = source[at];
    if (char === "\n") return 0;
    if (char === "\\") at++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return at + 1;
  }
  return 0;
}

function mayBeginRegex(before: Token | undefined): boolean {
  if (!before) return true;
  if (before.kind === "name") return BEFORE_REGEX.has(before.text);
  return before.kind === "punctuation" && !")]}".includes(before.text);
}
