import { expect, test } from "vitest";
import { AC_PIECES, acBundle } from "../testing/ac-bundle.ts";
import { asksOf } from "./asks.ts";

const piece = (source: string, files: Record<string, string> = {}) =>
  acBundle({ piece: "frog", source, files });

test.each([
  ["nothing", AC_PIECES.animates, []],
  [
    "the camera",
    `function act({ video }) { vid = video(!vid ? "camera" : "camera:update", { width }); }`,
    ["camera"],
  ],
  ["a video of its own", `vid = video("https://a.example/b.mp4", { like: "camera" })`, []],
  ["a piece called camera", `jump("camera")`, []],
  ["the microphone", `function beat({ sound: { microphone } }) { microphone.connect(); }`, ["microphone"]],
  ["the microphone by another name", "mic = sound.microphone;\nmic?.connect();", ["microphone"]],
  ["the microphone, unconnected", "mic = sound.microphone.amplitude", []],
  [
    "a connection, and talk of a microphone",
    `net.connect(); ink("microphone.connect()"); // microphone.connect()`,
    [],
  ],
  ["MIDI", `function act({ event: e }) { if (e.is("midi:keyboard")) note = e.data; }`, ["midi"]],
  ["MIDI in a comment", `// e.is("midi:keyboard")\nwrite("plays midi: files")`, []],
  ["two", `e.is("midi:keyboard"); video("camera");`, ["camera", "midi"]],
  [
    "a browser's own",
    `navigator.mediaDevices.getUserMedia({ audio: { echo: false }, video: false })`,
    ["microphone"],
  ],
  ["the network, which is never asked for", `fetch("https://a.example")`, []],
])("a piece of AC's: %s", (_, source, expected) => {
  expect(asksOf(piece(`// frog, 2026\n// A frog.\n${source}\nexport function paint() {}\n`))).toEqual(
    expected,
  );
});

test("what AC's runtime can do does not count, what a piece imports from pieces does", () => {
  const runtime = { "lib/midi.mjs": "navigator.requestMIDIAccess({ sysex: true })" };
  expect(asksOf(piece(`import "lib/midi.mjs";`, runtime))).toEqual([]);
  const other = { "disks/pond.mjs": `export const a = () => video("camera")` };
  expect(asksOf(piece("", other))).toEqual([]);
  expect(asksOf(piece(`import { a } from "disks/pond.mjs"`, other))).toEqual(["camera"]);
  const loop = { "disks/pond.mjs": `import "disks/frog.mjs"` };
  expect(asksOf(piece(`import "disks/pond.mjs"`, loop))).toEqual([]);
});

test("published pieces and KidLisp", () => {
  const path = "media/@jas/piece/frog.mjs";
  const files = { [path]: `video("camera")` };
  expect(asksOf(acBundle({ piece: "@jas/frog", source: undefined, files }))).toEqual(["camera"]);
  expect(asksOf(acBundle({ piece: "$cow", kidlisp: `(video "camera")` }))).toEqual([]);
});

test.each([
  ["nothing", "draw()", []],
  ["camera and microphone", "getUserMedia({video: {width: 1}, audio: true})", ["camera", "microphone"]],
  ["minified", "n.getUserMedia({audio:!0,video:!1})", ["microphone"]],
  ["neither", "getUserMedia({ audio: false, video: null })", []],
  ["what the page keeps elsewhere", "getUserMedia(constraints); const no = { audio: true }", []],
  ["MIDI", "navigator.requestMIDIAccess().then(go)", ["midi"]],
  ["MIDI without system exclusive", "requestMIDIAccess({ sysex: false })", ["midi"]],
  ["system exclusive", "requestMIDIAccess({ sysex: true })", ["midi", "sysex"]],
  ["system exclusive, minified", "requestMIDIAccess({sysex:!0})", ["midi", "sysex"]],
  ["AC's names, which are nobody else's", `video("camera"); microphone.connect(); is("midi:keyboard")`, []],
])("another page: %s", (_, source, expected) => {
  expect(asksOf(`<!doctype html><script>${source}</script>`)).toEqual(expected);
});

test("another page's text and comments are not its scripts", () => {
  const call = "getUserMedia({ audio: true })";
  expect(
    asksOf(`<!doctype html>${call}<!-- <script>${call}</script> --><script src="${call}"></script>`),
  ).toEqual([]);
});

test.each([
  ["", []],
  ["camera", ["camera"]],
  ["midi, Camera;microphone", ["camera", "microphone", "midi"]],
  ["network sysex everything", ["sysex"]],
])("a page that says %j itself is believed", (content, expected) => {
  const meta = `<meta name="os-allow" content="${content}">`;
  expect(asksOf(`<!doctype html>${meta}<script>getUserMedia({ audio: true })</script>`)).toEqual(expected);
  expect(asksOf(piece(`video("camera")`).replace("<head>", `<head>${meta}`))).toEqual(expected);
});

test("a bundle of AC's in a form that is not known asks for nothing, nor does a packed one", () => {
  const html = piece(`video("camera")`).replace("window.acPACK_DATE", "window.acOTHER_DATE");
  expect(asksOf(html.replace("window.VFS_BLOB", "getUserMedia({ audio: true }); window.VFS_BLOB"))).toEqual(
    [],
  );
  expect(asksOf(acBundle({ source: `video("camera")`, form: "gzip" }))).toEqual([]);
});

test("asking takes one pass", { timeout: 20_000 }, () => {
  const long = "getUserMedia({audio:".repeat(1e5) + "[".repeat(1e6);
  expect(asksOf(`<!doctype html><script>${long}</script>`)).toEqual(["microphone"]);
});
