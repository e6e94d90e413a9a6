/**
 * Make a piece's source ready to be imported from a blob, as AC's loader does. Throws, with the reason,
 * for what AC would run as something else or not at all: the stage is where that should be noticed.
 */
export function prepare(source: string): string {
  const objection = objections.find(([, refuses]) => refuses(source));
  if (objection) throw new Error(objection[0]);
  return `const DEBUG = true;\n${source}`; // on a line of its own, as AC injects it
}

const objections: [string, (source: string) => boolean][] = [
  ["AC runs a source that begins with ( or ; as KidLisp", (source) => /^\s*[(;]/.test(source)],
  [
    "A piece begins with two comment lines: // title, date and // description",
    (source) => !/^\/\/ .+\n\/\/ .+\n/.test(source),
  ],
  [
    "AC looks for `export {` with white space; without it, it exports everything a second time",
    (source) => !/^export\s+\{[^}]*\}/m.test(source),
  ],
  [
    "A piece is imported from a blob: relative imports have nothing to be relative to",
    (source) =>
      /^\s*(?:import|export)\b[^;]*?["']\.{1,2}\/|\bimport\(\s*["'`]\./m.test(withoutComments(source)),
  ],
  [
    'AC fetches every "@name/thing" in double quotes as a painting: use other quotes',
    (source) => /"@\w[\w.]*\/[^"]*"/.test(source),
  ],
];

/** Types in comments import from where they like. */
function withoutComments(source: string): string {
  return source.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
}
