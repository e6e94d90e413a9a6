/** A start tag of a page. */
export interface Tag {
  /** In lower case. */
  readonly name: string;
  /** The first value of those attributes that somebody here asks for; as written, without character references. */
  readonly attributes: ReadonlyMap<string, string>;
  /** What stands in an element that holds text alone, as `script`; "" for others. */
  readonly text: string;
}

/** Elements in which `<` begins no tag (HTML, 13.2.5: RCDATA, RAWTEXT, script data), for a page that runs scripts. */
const TEXT_ONLY = new Set("script style textarea title xmp iframe noembed noframes noscript".split(" "));

/** Others are passed over: a hostile tag has millions. */
const ATTRIBUTES = new Set(["name", "content", "src", "type"]);

const LETTER = /[a-z]/i;
const SPACE = /[\t\n\f\r ]/;

/**
 * The start tags of a page, as a browser's tokenizer sees them (HTML, 13.2.5), in one pass: none in a comment, in an
 * attribute or in a script's text. Takes anything. Not followed: `<!--` within a script, which can put off its end.
 */
export function* tagsOf(html: string): Generator<Tag> {
  let at = 0;
  for (;;) {
    at = html.indexOf("<", at);
    if (at < 0) return;
    const next = html[at + 1] ?? "";
    if (html.startsWith("<!--", at)) at = endOfComment(html, at);
    else if (LETTER.test(next)) {
      const tag = readTag(html, at + 1);
      if (!tag) return; // the page ends within the tag: there is none
      at = tag.end;
      const isText = TEXT_ONLY.has(tag.name);
      const end = isText ? endOfText(html, at, tag.name) : at;
      yield { name: tag.name, attributes: tag.attributes, text: html.slice(at, end) };
      at = end;
    } else if (next === "/" && LETTER.test(html[at + 2] ?? "")) {
      const tag = readTag(html, at + 2); // an end tag may have attributes too
      if (!tag) return;
      at = tag.end;
    } else if (next === "!" || next === "/" || next === "?") {
      const end = html.indexOf(">", at + 2); // a doctype, CDATA, or what counts as a comment
      if (end < 0) return;
      at = end + 1;
    } else at++;
  }
}

/** Whether the page begins, after white space and comments, as an HTML page does: by its doctype or by `<html`. */
export function isHtmlPage(html: string): boolean {
  let at = 0;
  for (;;) {
    while (SPACE.test(html[at] ?? "")) at++;
    if (!html.startsWith("<!--", at)) break;
    at = endOfComment(html, at);
  }
  return /^<(?:!doctype html|html)[\s>]/i.test(html.slice(at, at + 16));
}

/** After the comment that begins at `at`; the page's end when it is never closed. */
function endOfComment(html: string, at: number): number {
  if (html.startsWith(">", at + 4)) return at + 5; // <!-->
  if (html.startsWith("->", at + 4)) return at + 6; // <!--->
  for (let end = html.indexOf("--", at + 4); end >= 0; end = html.indexOf("--", end + 1)) {
    if (html[end + 2] === ">") return end + 3;
    if (html.startsWith("!>", end + 2)) return end + 4;
  }
  return html.length;
}

/** Where the text of element `name`, which begins at `at`, ends. */
function endOfText(html: string, at: number, name: string): number {
  for (let end = html.indexOf("</", at); end >= 0; end = html.indexOf("</", end + 2)) {
    const after = end + 2 + name.length;
    if (html.slice(end + 2, after).toLowerCase() === name && /[\s/>]/.test(html[after] ?? "")) return end;
  }
  return html.length;
}

/** The tag whose name begins at `at`, and where it ends; `undefined` when the page ends before it does. */
function readTag(html: string, at: number) {
  const attributes = new Map<string, string>();
  const isOver = (char: string) => char === ">" || char === "/" || SPACE.test(char);
  const start = at;
  while (at < html.length && !isOver(html[at] ?? "")) at++;
  const name = html.slice(start, at).toLowerCase();
  while (at < html.length) {
    const char = html[at] ?? "";
    if (char === ">") return { name, attributes, end: at + 1 };
    if (char === "/" || SPACE.test(char)) {
      at++;
      continue;
    }
    const from = at++; // a first character is part of the name whatever it is, "=" too
    while (at < html.length && html[at] !== "=" && !isOver(html[at] ?? "")) at++;
    const attribute = html.slice(from, at).toLowerCase();
    let value = "";
    let next = at;
    while (SPACE.test(html[next] ?? "")) next++;
    at = next;
    if (html[at] === "=") {
      at++;
      while (SPACE.test(html[at] ?? "")) at++;
      const quote = html[at];
      if (quote === '"' || quote === "'") {
        const end = html.indexOf(quote, at + 1);
        if (end < 0) return undefined;
        value = html.slice(at + 1, end);
        at = end + 1;
      } else {
        const begin = at;
        while (at < html.length && html[at] !== ">" && !SPACE.test(html[at] ?? "")) at++;
        value = html.slice(begin, at);
      }
    }
    if (ATTRIBUTES.has(attribute) && !attributes.has(attribute)) attributes.set(attribute, value);
  }
  return undefined;
}
