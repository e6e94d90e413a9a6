import { expect, test } from "vitest";
import { BundleError } from "../errors.ts";
import { acBundle } from "../testing/ac-bundle.ts";
import { checkBundle } from "./check.ts";
import { tagsOf } from "./html.ts";

const bytes = (html: string) => new TextEncoder().encode(html);
const check = (html: string) => () => checkBundle("x", bytes(html));

test.each([
  ["a page", "<!doctype html><title>x</title><script>1</script>"],
  ["without a doctype", "<html><script src=a.js></script>"],
  ["in capitals", "<!DOCTYPE HTML><SCRIPT>1</SCRIPT>"],
  [
    "after white space and comments",
    "\ufeff \n<!-- a --><!--> <!---> <!-- b --!>\n<!doctype html><script>1</script>",
  ],
  ["whose script is never closed", "<!doctype html><script>1"],
  ["with a script in an svg", "<!doctype html><svg><script>1</script></svg>"],
  ["with quotes where no value is", `<!doctype html><p a" b='c><' d=">"><script>1</script>`],
  ["with an apostrophe in its text", "<!doctype html>don't<script>1</script>"],
  ["a bundle of AC's", acBundle()],
  ["a packed bundle of AC's", acBundle({ form: "gzip" })],
])("%s", (_, html) => {
  expect(check(html)).not.toThrow();
});

test.each([
  ["nothing", "", /empty/],
  ["no page", "PNG\x00\x01", /not an HTML page/],
  ["JSON", '{"error":"<script>"}', /not an HTML page/],
  ["another element", "<htmlx><script>1</script>", /not an HTML page/],
  ["a comment alone", "<!-- <!doctype html><script> -->", /not an HTML page/],
  ["an error page", "<!doctype html><h1>Error 1015</h1>", /nothing to run/],
  ["a script in a comment", "<!doctype html><!-- <script>1</script> -->", /nothing to run/],
  ["a script in a comment never closed", "<!doctype html><!-- <script>1</script>", /nothing to run/],
  ["a script in an attribute", `<!doctype html><p title="<script>1</script>">`, /nothing to run/],
  ["a script in an attribute never closed", `<!doctype html><p title="<script>1</script>`, /nothing to run/],
  ["a script in a title", "<!doctype html><title><script>1</script>", /nothing to run/],
  ["a script's end alone", "<!doctype html></script>", /nothing to run/],
  ["another element's name", "<!doctype html><scripts>1</scripts>", /nothing to run/],
  ["a script in a doctype", "<!doctype html <script></script>", /not an HTML page|nothing to run/],
  ["bytes that are no text", "<!doctype html>\ud800\udfff\ud800", /nothing to run/],
])("%s is refused", (_, html, message) => {
  expect(check(html)).toThrow(BundleError);
  expect(check(html)).toThrow(message);
});

const MB = 1_000_000;

// What somebody can send to make one look long, or deep: each within seconds, where quadratic takes hours.
test.each([
  ["a comment of 19 MB, never closed", `<!--${"a".repeat(19 * MB)}`],
  ["comments never closed", "<!-".repeat(2 * MB)],
  ["dashes in a comment", `<!doctype html><!--${"-".repeat(4 * MB)}`],
  ["comments before the page", "<!-- a -->".repeat(2 * MB)],
  ["white space", " ".repeat(4 * MB)],
  ["a doctype without end", `<!doctype html ${"a".repeat(19 * MB)}`],
  ["CDATA without end", `<!doctype html>${"<![CDATA[".repeat(2 * MB)}`],
  ["script ends that are none", `<!doctype html><title>${"</titl".repeat(MB)}`],
  ["attribute quotes without end", `<!doctype html><p ${`a="`.repeat(2 * MB)}`],
  ["two million attributes", `<!doctype html><p ${"a1 ".repeat(2 * MB)}>`],
  ["attributes of one letter", `<!doctype html><p ${"=".repeat(4 * MB)}>`],
  ["tags within tags", `<!doctype html>${"<p ".repeat(2 * MB)}`],
  ["elements", `<!doctype html>${"<p>".repeat(MB)}`],
  ["angle brackets", `<!doctype html>${"<".repeat(4 * MB)}`],
])("%s: refused, in one pass", { timeout: 30_000 }, (_, html) => {
  expect(check(html)).toThrow(BundleError);
});

test("tags, as a browser's tokenizer sees them", () => {
  const html = `<!doctype html><HTML lang=en><meta NAME=os-allow name=two content='a b' other>
    <script type = "module" src=a.js>"<p>"</SCRIPT ><br/><textarea><b></textarea></p x="<i>"><p`;
  expect(
    [...tagsOf(html)].map(({ name, attributes, text }) => [name, Object.fromEntries(attributes), text]),
  ).toEqual([
    ["html", {}, ""],
    ["meta", { name: "os-allow", content: "a b" }, ""],
    ["script", { type: "module", src: "a.js" }, '"<p>"'],
    ["br", {}, ""],
    ["textarea", {}, "<b>"],
  ]);
});
