import { readFileSync, writeFileSync } from "node:fs";

// A library that has been left out, though another one names functions of its that are never called. Whoever opens that other
// library by name has every function looked up at once (dlopen with RTLD_NOW, as Mesa does), and gets nothing if one is
// missing. A weak symbol may be missing: its address is 0 then (ELF gABI, "Symbol Table").

/** Of an ELF file: its magic number, 64 bits, little-endian. */
const IDENTITY = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
/** `sh_type` of the table of symbols that are looked up at run time. */
const SHT_DYNSYM = 11;
/** The length of a symbol in it, in bytes. */
const SYMBOL = 24;
/** Bindings, the upper half of `st_info`. */
const [STB_GLOBAL, STB_WEAK] = [1, 2];
/** `st_shndx` of a symbol that another file has to have. */
const SHN_UNDEF = 0;

/**
 * `library`, a shared library of 64 bits, with each symbol made weak that another library has to have and whose name begins
 * with `prefix`. Throws `RangeError` when it is no such library, or needs no such symbol.
 */
export function weakened(library: Buffer, prefix: string): Buffer {
  if (!library.subarray(0, IDENTITY.length).equals(IDENTITY)) throw new RangeError("no ELF file of 64 bits");
  const sections = Number(library.readBigUInt64LE(0x28));
  const [length, count] = [library.readUInt16LE(0x3a), library.readUInt16LE(0x3c)];
  const section = (index: number) => {
    const at = sections + length * index;
    const [start, size] = [0x18, 0x20].map((field) => Number(library.readBigUInt64LE(at + field)));
    return {
      type: library.readUInt32LE(at + 4),
      link: library.readUInt32LE(at + 0x28),
      start: start!,
      size: size!,
    };
  };
  const table = Array.from({ length: count }, (_, index) => section(index)).find(
    ({ type }) => type === SHT_DYNSYM,
  );
  if (!table) throw new RangeError("no symbols that are looked up at run time");
  const names = section(table.link).start;
  const made = Buffer.from(library);
  let weak = 0;
  for (let at = table.start; at < table.start + table.size; at += SYMBOL) {
    const name = names + library.readUInt32LE(at);
    const info = library.readUInt8(at + 4);
    const isMeant = info >> 4 === STB_GLOBAL && library.readUInt16LE(at + 6) === SHN_UNDEF;
    if (!isMeant || !library.toString("latin1", name, library.indexOf(0, name)).startsWith(prefix)) continue;
    made.writeUInt8((STB_WEAK << 4) | (info & 0xf), at + 4);
    weak++;
  }
  if (weak === 0) throw new RangeError(`no symbol that begins with ${prefix} is needed`);
  return made;
}

if (process.argv[1] === import.meta.filename) {
  const [, , file = "", prefix = ""] = process.argv;
  writeFileSync(file, weakened(readFileSync(file), prefix));
}
