import { type Allowance, allowancesOf } from "../allowances.ts";
import { type AcPage, parseAcPage, pathOfPiece } from "./ac-page.ts";
import { tagsOf } from "./html.ts";
import { importsOf, type Token, tokensOf } from "./javascript.ts";

/**
 * What the piece in a bundle itself asks to use, sorted: what the person is offered, chosen beforehand, when they make a
 * disk of it. Never the network, which pieces reach for in too many ways to tell.
 *
 * A page that says so by `<meta name="os-allow" content="camera, midi">` is believed, also when it names nothing; words
 * that are no allowance do not count. Otherwise it is found in the source: in a bundle of AC's, in the starting piece
 * and in what it imports from among the pieces, not in AC's runtime, which can do everything; in other pages, in
 * their scripts, unless they have AC's runtime in a form that is not known here.
 *
 * It is cautious: only what is plainly there counts, so some pieces will have to be allowed by hand.
 *
 * | asks for   | AC's API                                             | any page                                  |
 * | ---------- | ---------------------------------------------------- | ----------------------------------------- |
 * | camera     | `video("camera")`, also with conditions and options  | `getUserMedia({ video: … })`, not `false` |
 * | microphone | `microphone`, and a call of `.connect()`             | `getUserMedia({ audio: … })`, not `false` |
 * | midi       | an event whose name begins with `midi:`              | `requestMIDIAccess`                       |
 * | sysex      |                                                      | that with `sysex: true`                   |
 */
export function asksOf(html: string): Allowance[] {
  let page: AcPage | undefined;
  try {
    page = parseAcPage(html);
  } catch {
    // not a page of AC's, or not as they are known here
  }
  const scripts: string[] = [];
  for (const { name, attributes, text } of tagsOf(html)) {
    if (name === "meta" && attributes.get("name")?.toLowerCase() === "os-allow") {
      const words = (attributes.get("content") ?? "").toLowerCase().split(/[\s,;]+/);
      return allowancesOf(words).allow.filter((word) => word !== "network");
    }
    if (name === "script") scripts.push(text);
  }
  if (page) return allowancesOf(ownSources(page).flatMap((source) => [...asksIn(source, true)])).allow;
  if (html.includes("acPACK_MODE")) return [];
  return allowancesOf(scripts.flatMap((source) => [...asksIn(source, false)])).allow;
}

/** The starting piece's module, and the pieces' modules that it imports, as its bundler has written them. */
function ownSources({ piece, files }: AcPage): string[] {
  const paths = [pathOfPiece(piece)];
  for (const path of paths) {
    const source = path.endsWith(".mjs") ? files[path]?.content : undefined;
    for (const { specifier } of source === undefined ? [] : importsOf(source)) {
      if (specifier.startsWith("disks/") && Object.hasOwn(files, specifier) && !paths.includes(specifier)) {
        paths.push(specifier);
      }
    }
  }
  return paths.flatMap((path) => (path.endsWith(".mjs") ? [files[path]?.content ?? ""] : []));
}

function asksIn(source: string, isAcPiece: boolean): Set<Allowance> {
  const asks = new Set<Allowance>();
  const names = new Set<string>();
  let connects = false;
  let hasSysex = false;
  /** The call that is being read, and how many brackets are open in it. */
  let call: "video" | "getUserMedia" | undefined;
  let depth = 0;
  let recent: (Token | undefined)[] = [undefined, undefined, undefined]; // the last three
  for (const token of tokensOf(source)) {
    const { kind, text } = token;
    const last = recent[2];
    if (kind === "name") names.add(text);
    if (text === "connect" && is(last, ".")) connects = true;
    if (isAcPiece && kind === "string" && text.startsWith("midi:")) asks.add("midi");
    const granted = propertyThatIsNotFalse(recent, token);
    if (granted === "sysex") hasSysex = true;

    if (call === undefined && is(token, "(") && last?.kind === "name") {
      if (last.text === "getUserMedia" || (isAcPiece && last.text === "video")) {
        call = last.text;
        depth = 0;
      }
    }
    if (call !== undefined) {
      if (kind === "punctuation" && "([{".includes(text)) depth++;
      if (kind === "punctuation" && ")]}".includes(text)) depth--;
      if (call === "getUserMedia" && depth >= 2) {
        if (granted === "video") asks.add("camera");
        if (granted === "audio") asks.add("microphone");
      }
      if (call === "video" && kind === "string" && /^camera\b/.test(text)) asks.add("camera");
      const isFirstOver = depth === 1 && is(token, ",");
      if (depth === 0 || (call === "video" && isFirstOver)) call = undefined;
    }
    recent = [...recent.slice(-2), token];
  }
  if (isAcPiece && connects && names.has("microphone")) asks.add("microphone");
  if (names.has("requestMIDIAccess")) {
    asks.add("midi");
    if (hasSysex) asks.add("sysex");
  }
  return asks;
}

/** `audio` where `token` ends `audio: true`, `audio: !0` or begins another value than false; else `undefined`. */
function propertyThatIsNotFalse(recent: readonly (Token | undefined)[], token: Token): string | undefined {
  const [third, second, first] = recent;
  if (is(first, ":") && !["false", "null", "undefined", "0", "!"].includes(token.text)) return second?.text;
  if (is(second, ":") && is(first, "!") && token.text === "0") return third?.text;
  return undefined;
}

function is(token: Token | undefined, text: string): boolean {
  return token?.text === text && (token.kind === "name" || token.kind === "punctuation");
}
