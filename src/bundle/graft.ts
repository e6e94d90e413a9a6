import { BundleError, UnknownPieceError } from "../errors.ts";
import { type AcFile, type AcPage, type Line, jsonForScript, pathOfPiece, replaceLines } from "./ac-page.ts";
import { rewriteImports } from "./javascript.ts";

/** What AC's site has at a path below `/`: its text, or why there is none. */
export type Found = { readonly text: string } | { readonly status: number; readonly said: string };

/** Reads a file of AC's site, by its path without the first slash. */
export type ReadFromAc = (path: string) => Promise<Found>;

/** A piece that imports more modules than this beyond the packed ones is refused. */
const MAX_MODULES = 200;

/**
 * The module of a published piece `@handle/name`, from where AC itself runs it. Throws `UnknownPieceError` for a piece, or a
 * person, that is not there or not to be seen, and `BundleError` for KidLisp.
 */
export async function publishedSource(piece: string, read: ReadFromAc): Promise<string> {
  const path = pathOfPiece(piece);
  const [handle, name] = piece.split("/");
  const found = await read(path);
  const kidlisp = () => new BundleError(`${piece} is written in KidLisp: it can be had by its $code alone`);
  if (!("text" in found)) {
    const { status, said } = found;
    const cause = new Error(`HTTP ${status}: ${said.slice(0, 200)}`);
    if (/^user not found/i.test(said))
      throw new UnknownPieceError(`There is nobody called ${handle}`, { cause });
    if ("text" in (await read(path.replace(/\.mjs$/, ".lisp")))) throw kidlisp();
    const message =
      status === 404
        ? `${handle} has published no piece called ${name}`
        : `${piece} is private, or was never published`; // its bucket answers 403 for both
    throw new UnknownPieceError(message, { cause });
  }
  if (/^[(;]/.test(found.text)) throw kidlisp(); // as AC tells it
  // A site may answer with a page of its own, or with the module that it shows for 404.
  if (found.text.trim() === "" || /^\s*<|^\/\/ 404/.test(found.text)) {
    throw new UnknownPieceError(`${handle} has published no piece called ${name}`);
  }
  return found.text;
}

/**
 * `page`, a bundle of one of AC's own pieces, with the published piece `@handle/name`, whose module is `source`, in its
 * place: the oven bundles none of those. Modules that it imports and that are not packed come from AC's site. Throws
 * `BundleError` for imports that a disk cannot have, for more modules than a piece has, and for what comes to more than
 * `limit` bytes. `piece` is a name that `parsePiece` has let through: it can stand in HTML and in quotes.
 */
export async function graft(
  page: AcPage,
  piece: string,
  source: string,
  read: ReadFromAc,
  limit: number,
): Promise<string> {
  const path = pathOfPiece(piece);
  const files: Record<string, AcFile> = { ...page.files };
  delete files[pathOfPiece(page.piece)];

  // AC resolves a published piece's imports as if it lay among its own (`updateCode` in lib/parse.mjs).
  const queue = [{ path, base: `disks/${path.slice(path.lastIndexOf("/") + 1)}`, source }];
  let length = 0;
  for (const module of queue) {
    length += module.source.length;
    if (queue.length > MAX_MODULES)
      throw new BundleError(`${piece} imports more than ${MAX_MODULES} modules`);
    if (length > limit) throw tooLarge(piece, limit);
    const wanted: { path: string; specifier: string; isStatic: boolean }[] = [];
    const content = rewriteImports(module.source, ({ kind, specifier }) => {
      const target = resolve(specifier, module.base, files);
      if (target === undefined) {
        if (kind === "static") throw unreachable(piece, specifier);
        return undefined; // it may do without, as it may on the web
      }
      if (kind === "url") return `new URL(${JSON.stringify(`/${target}`)}, location.href)`;
      wanted.push({ path: target, specifier, isStatic: kind === "static" });
      return JSON.stringify(target);
    });
    files[module.path] = { content, binary: false, type: "mjs" };
    for (const { path: target, specifier, isStatic } of wanted) {
      if (Object.hasOwn(files, target) || queue.some((other) => other.path === target)) continue;
      const found = await read(`aesthetic.computer/${target}`);
      if ("text" in found) queue.push({ path: target, base: target, source: found.text });
      else if (isStatic) throw unreachable(piece, specifier);
    }
  }
  const { title, startingPiece, piece: packed, name, build, files: vfs } = page.lines;
  const credits = page.html
    .slice(build.start, build.end)
    .replace(/^build: \{ author: '[^']*'/, `build: { author: '${piece.split("/")[0]}'`)
    .replace(/\bfileCount: \d+/, `fileCount: ${Object.keys(files).length}`);
  return replaceLines(
    page,
    new Map<Line, string>([
      [title, `<title>${piece}</title>`],
      [startingPiece, `window.acSTARTING_PIECE = ${JSON.stringify(piece)};`],
      [packed, `window.acPACK_PIECE = ${JSON.stringify(piece)};`],
      [name, `piece: { name: '${piece}', isKidLisp: false },`],
      [build, credits],
      [vfs, `window.VFS = ${jsonForScript(files)};`],
    ]),
  );
}

/** The error for a bundle, grafted or not, that does not fit. */
export function tooLarge(piece: string, limit: number): BundleError {
  return new BundleError(`${piece} is larger than the ${limit} bytes there is room for`);
}

function unreachable(piece: string, specifier: string): BundleError {
  const shown = specifier.slice(0, 100).replace(/[^\x20-\x7e]/g, "?");
  return new BundleError(`${piece} imports ${shown}, which is no part of AC: a disk cannot have it`);
}

/**
 * The path in a bundle that `specifier` means in a module at `base`: relative, or an address of AC's. `undefined` for what
 * is no part of AC. A bare name is one of the bundle's own or nothing.
 */
function resolve(
  specifier: string,
  base: string,
  files: Readonly<Record<string, AcFile>>,
): string | undefined {
  const clean = specifier.replace(/[?#].*$/s, "");
  if (Object.hasOwn(files, clean)) return clean;
  const own = /^(?:https:\/\/aesthetic\.computer)?\/?aesthetic\.computer\/(.+)$/.exec(clean)?.[1];
  const isRelative = /^\.{1,2}\//.test(clean);
  if (own === undefined && !isRelative) return undefined;
  const parts = own === undefined ? [...base.split("/").slice(0, -1), ...clean.split("/")] : own.split("/");
  const path: string[] = [];
  for (const part of parts) {
    if (part === "..") path.pop();
    else if (part !== "." && part !== "") path.push(part);
  }
  return path.length > 0 && /^[\w./ @$+-]+$/.test(path.join("/")) ? path.join("/") : undefined;
}
