import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type * as Stick from "./stick.ts";

// A window without storage, as private ones are: what is known of the last stick is what the page holds.
vi.mock("idb-keyval", () => ({
  createStore: () => undefined,
  get: () => Promise.reject(new DOMException("", "InvalidStateError")),
  set: () => Promise.reject(new DOMException("", "InvalidStateError")),
}));

const picker = vi.fn();
let module: typeof Stick;

beforeEach(async () => {
  picker.mockReset();
  vi.stubGlobal("showDirectoryPicker", picker);
  vi.stubGlobal("navigator", { userAgent: "" });
  vi.stubGlobal("location", { search: "" });
  vi.resetModules();
  module = await import("./stick.ts");
});
afterEach(() => vi.unstubAllGlobals());

/** A folder, as a page has it. */
function folder(permission: PermissionState = "granted"): FileSystemDirectoryHandle {
  return {
    name: "STICK",
    getDirectoryHandle: () => {},
    requestPermission: () => Promise.resolve(permission),
  } as unknown as FileSystemDirectoryHandle;
}

test("the stick that was chosen last is held, and no dialog comes for it again", async () => {
  const stick = folder();
  picker.mockResolvedValue(stick);
  expect(await module.chooseStick()).toBe(stick);
  expect(await module.lastStick()).toBe(stick);
  expect(picker).toHaveBeenCalledTimes(1);
});

test.each([
  ["none was chosen", undefined],
  ["the last one may not be written to any more", folder("denied")],
])("the person chooses when %s", async (_, before) => {
  if (before) {
    picker.mockResolvedValueOnce(before);
    await module.chooseStick();
  }
  const other = folder();
  picker.mockResolvedValueOnce(other);
  expect(await module.lastStick()).toBe(other);
});

test.each(["AbortError", "SecurityError", "NotAllowedError"])("%s is a change of mind", async (name) => {
  picker.mockRejectedValue(new DOMException("", name));
  expect(await module.chooseStick()).toBeUndefined();
});
