import type { Bytes } from "../../src/bytes/segment.ts";

// The variables of UEFI firmware in QEMU, as OVMF keeps them in its flash: a firmware volume (UEFI PI specification 1.7, volume
// 3, 3.2.1.1) with a store of authenticated variables (EDK II, MdeModulePkg/Include/Guid/VariableFormat.h).

const VOLUME_HEADER_LENGTH = 48; // HeaderLength of EFI_FIRMWARE_VOLUME_HEADER
const STORE_HEADER = 28; // VARIABLE_STORE_HEADER
const STORE_SIZE = 16;
const VARIABLE_HEADER = 60; // AUTHENTICATED_VARIABLE_HEADER
const START = 0x55aa; // VARIABLE_DATA
const ADDED = 0x3f; // VAR_ADDED
/** EFI_GLOBAL_VARIABLE, 8be4df61-93ca-11d2-aa0d-00e098032b8c. */
const GLOBAL = [
  0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c,
];
/** Kept without power, for boot services and for the system. */
const ATTRIBUTES = 7;

/**
 * OVMF's variables with a boot option for `uri`, by UEFI HTTP boot, that is taken next: as if a person had typed that address
 * into its setup. Throws `RangeError` for what is no store of variables, or has no room.
 */
export function withBootUri(variables: Bytes, uri: string): Bytes {
  const changed = variables.slice();
  const view = new DataView(changed.buffer);
  const store = view.getUint16(VOLUME_HEADER_LENGTH, true);
  const end = store + view.getUint32(store + STORE_SIZE, true);
  let at = store + STORE_HEADER;
  while (at + VARIABLE_HEADER <= end && view.getUint16(at, true) === START) {
    at = aligned(at + VARIABLE_HEADER + view.getUint32(at + 36, true) + view.getUint32(at + 40, true));
  }
  if (end > changed.length || at >= end || changed[at] !== 0xff)
    throw new RangeError("no variables of OVMF's");
  for (const [name, data] of [
    ["Boot0BAD", bootOption("served", uri)],
    ["BootNext", [0xad, 0x0b]],
  ] as const) {
    const variable = variableOf(name, data);
    if (at + variable.length > end) throw new RangeError("no room for another variable");
    changed.set(variable, at);
    at = aligned(at + variable.length);
  }
  return changed;
}

/** EFI_LOAD_OPTION, for a device path that is a URI alone: UEFI 2.10, 3.1.3 and 10.3.4.24. */
function bootOption(description: string, uri: string): number[] {
  const node = [3, 24, ...u16(4 + uri.length), ...Buffer.from(uri)]; // messaging, URI
  const path = [...node, 0x7f, 0xff, ...u16(4)]; // end of the path
  return [1, 0, 0, 0, ...u16(path.length), ...text(description), ...path]; // LOAD_OPTION_ACTIVE
}

function variableOf(name: string, data: readonly number[]): Bytes {
  const words = text(name);
  const bytes = new Uint8Array(VARIABLE_HEADER + words.length + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, START, true);
  bytes[2] = ADDED;
  view.setUint32(4, ATTRIBUTES, true);
  view.setUint32(36, words.length, true);
  view.setUint32(40, data.length, true);
  bytes.set(GLOBAL, 44);
  bytes.set(words, VARIABLE_HEADER);
  bytes.set(data, VARIABLE_HEADER + words.length);
  return bytes;
}

function text(words: string): number[] {
  return [...Buffer.from(`${words}\0`, "utf16le")];
}

function u16(value: number): [number, number] {
  return [value & 0xff, value >>> 8];
}

function aligned(at: number): number {
  return Math.ceil(at / 4) * 4;
}
