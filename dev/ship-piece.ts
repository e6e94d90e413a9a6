import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { format, resolveConfig } from "prettier";
import { parseAst, type Plugin } from "vite";

// The piece as it is shipped: one file that can be read, since AC shows a piece's source to whoever asks for it. A
// bundler's output has neither the comments nor the blank lines of what was written, so the modules are put together
// here as they stand, without their types.

const root = resolve(import.meta.dirname, "..");
const PIECE = resolve(root, "disks/os.mjs");
const BUILD = "__OS_BUILD__"; // in disks/os.mjs, where the page module's version belongs

/** The piece's source, and the files that it is made of. */
export interface ShippedPiece {
  readonly code: string;
  readonly files: readonly string[];
}

/**
 * Put `disks/os.mjs` and the modules that it imports into one file, told which build of the page module it belongs to:
 * first the piece, then the modules that it imports, then its exports. Names must be unique in all of it, and
 * imports be of the form `import { a, b } from "./c.ts"`. Throws `SyntaxError` for what it cannot put together, and what
 * the file throws when Node imports it, as AC's server does for `meta`.
 */
export async function bundlePiece(build = BUILD, entry = PIECE): Promise<ShippedPiece> {
  const modules = new Map<string, string>();
  await gather(entry, modules, false);
  const spine = modules.get(entry) ?? "";
  const [exports = ""] = /^export \{.*\};$/m.exec(spine) ?? [];
  const imported = [...modules.keys()].filter((file) => file !== entry);
  const name = (file: string) => relative(root, file);
  const origin = [
    `Built from ${name(entry)} of the repository aesthetic-os and, below it,`,
    ...imported.map(name),
  ];
  const [readme, ...rest] = spine.replace(exports, "").split(/(?<=^#endregion \*\/\n)/m);
  const code = [
    readme,
    `\n// ${origin.join("\n// ")}\n`,
    ...rest,
    ...imported.map((file) => `\n/* #region 📚 ${name(file)} */\n${modules.get(file)}/* #endregion */\n`),
    `\n${exports}\n`,
  ].join("");
  const options = await resolveConfig(entry);
  const pretty = (await format(code, { ...options, parser: "babel" })).replaceAll(BUILD, build);
  await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(pretty)}`);
  return { code: pretty, files: [...modules.keys()] };
}

/** Emit the piece with a build, told the digest of all other scripts; watch what it is made of. */
export function shipPiece(): Plugin {
  let piece: ShippedPiece;
  return {
    name: "ship-piece",
    apply: "build",
    async buildStart() {
      piece = await bundlePiece();
      for (const file of piece.files) this.addWatchFile(file);
    },
    generateBundle(_, bundle) {
      const hash = createHash("sha256");
      for (const [name, file] of Object.entries(bundle)) {
        if (name.endsWith(".js")) hash.update(file.type === "chunk" ? file.code : file.source);
      }
      const source = piece.code.replaceAll(BUILD, hash.digest("hex").slice(0, 12));
      this.emitFile({ type: "asset", fileName: "aesthetic.computer/disks/os.mjs", source });
    },
  };
}

/** A module after those that it imports. */
async function gather(file: string, modules: Map<string, string>, inner = true): Promise<void> {
  const source = await readFile(file, "utf8");
  const { code, imports } = erase(source, inner);
  for (const name of imports) {
    const imported = resolve(dirname(file), name);
    if (!modules.has(imported)) await gather(imported, modules);
  }
  modules.set(file, code);
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [property: string]: unknown;
}

/**
 * A module's source without its types and imports, and without the word `export` when `inner`; and where it imports
 * values from. Comments stay, except those on what is erased. Throws `SyntaxError` for an import of another form.
 */
export function erase(source: string, inner: boolean): { code: string; imports: string[] } {
  const imports: string[] = [];
  const cuts: [start: number, end: number][] = [];
  const cutStatement = ({ start, end }: Node) => {
    const [comment = ""] =
      /(?:\/\*\*(?:(?!\*\/)[^])*\*\/\n|(?:\/\/.*\n)+)$/.exec(source.slice(0, start)) ?? [];
    cuts.push([start - comment.length, source[end] === "\n" ? end + 1 : end]);
  };
  for (const node of nodesOf(parseAst(source, { lang: "ts" }))) {
    const { type, start, end } = node;
    const of = (name: string) => node[name] as Node | undefined;
    if (type === "ImportDeclaration") {
      cutStatement(node);
      if (node["importKind"] === "type") continue;
      const specifiers = node["specifiers"] as Node[];
      const simple = specifiers.every(({ type: kind, imported, local }) => {
        return kind === "ImportSpecifier" && (imported as Node)["name"] === (local as Node)["name"];
      });
      if (!simple || specifiers.length === 0)
        throw new SyntaxError(`not put together: ${source.slice(start, end)}`);
      imports.push(String(of("source")?.["value"]));
    } else if (type === "ExportNamedDeclaration") {
      const kind = of("declaration")?.type ?? "";
      if (node["exportKind"] === "type" || kind.startsWith("TS")) cutStatement(node);
      else if (inner && kind === "") throw new SyntaxError(`not put together: ${source.slice(start, end)}`);
      else if (inner) cuts.push([start, of("declaration")?.start ?? end]);
    } else if (type === "TSInterfaceDeclaration" || type === "TSTypeAliasDeclaration") cutStatement(node);
    else if (type === "TSNonNullExpression") cuts.push([end - 1, end]);
    else if (type === "TSAsExpression" || type === "TSSatisfiesExpression") {
      const before = source.slice(0, of("typeAnnotation")?.start ?? end);
      cuts.push([before.search(/\s*\b(?:as|satisfies)\s+$/), end]);
    } else if (/^TSType(?:Annotation|ParameterDeclaration|ParameterInstantiation)$/.test(type))
      cuts.push([start, end]);
    else if (type === "Identifier" && node["optional"] === true)
      cuts.push([start + String(node["name"]).length, end]);
  }
  let code = "";
  let at = 0;
  for (const [start, end] of cuts.toSorted(([a], [b]) => a - b)) {
    if (start > at) code += source.slice(at, start);
    at = Math.max(at, end);
  }
  code += source.slice(at);
  return { code: code.replace(/\/\*\* @(?:import|type|param) (?:(?!\*\/).)*\*\/\s*/g, ""), imports };
}

function* nodesOf(value: unknown): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  if ("type" in value && "start" in value) yield value as Node;
  for (const child of Object.values(value)) yield* nodesOf(child);
}
