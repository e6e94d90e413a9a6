import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CancelledError, SaveError } from "../../errors.ts";
import { info } from "../../testing/states.ts";
import type { BuildClient } from "../build-client.ts";
import type * as ChosenFile from "./chosen-file.ts";

const remembered = vi.hoisted(() => new Map<string, unknown>());
vi.mock("idb-keyval", () => ({
  createStore: () => undefined,
  get: async (key: string) => remembered.get(key),
  set: async (key: string, value: unknown) => void remembered.set(key, value),
  del: async (key: string) => void remembered.delete(key),
}));

const { fileName } = info;
const picker = vi.fn();
let module: typeof ChosenFile;

beforeEach(async () => {
  remembered.clear();
  picker.mockReset();
  vi.stubGlobal("showSaveFilePicker", picker);
  vi.resetModules();
  module = await import("./chosen-file.ts");
});
afterEach(() => vi.unstubAllGlobals());

/** A file, as a page has it. */
function file({ permission = "granted", isThere = true, content = "" } = {}): FileSystemFileHandle {
  return {
    requestPermission: () => Promise.resolve(permission),
    getFile: () =>
      isThere ? Promise.resolve(new Blob([content])) : Promise.reject(new DOMException("", "NotFoundError")),
  } as unknown as FileSystemFileHandle;
}

const clientWhere = (write: BuildClient["write"]) => ({ write }) as BuildClient;

test("a file is remembered while it is written, and no longer", async () => {
  const handle = file();
  let whileWriting: unknown;
  const client = clientWhere(async () => void (whileWriting = remembered.get(fileName)));
  await module.chosenFileTarget(handle).save(info, client);
  expect(whileWriting).toEqual({ handle, fileName });
  expect(remembered.size).toBe(0);
});

test.each([
  ["a failure leaves it to be continued", new SaveError("no room"), 1],
  ["it is forgotten when the person cancels", new CancelledError("stopped"), 0],
])("%s", async (_, error, left) => {
  const target = module.chosenFileTarget(file());
  await expect(
    target.save(
      info,
      clientWhere(() => Promise.reject(error)),
    ),
  ).rejects.toBe(error);
  expect(await target.discard(error)).toBe("");
  expect(remembered.size).toBe(left);
  if (left) expect(await module.recall(fileName)).toMatchObject({ fileName });
});

test("the person chooses, and the image's name is suggested", async () => {
  const handle = file();
  picker.mockResolvedValue(handle);
  expect(await module.choose(fileName, undefined)).toBe(handle);
  expect(picker).toHaveBeenCalledWith(expect.objectContaining({ suggestedName: fileName }));
});

test("an unfinished file is continued without asking", async () => {
  const handle = file();
  expect(await module.choose(fileName, { handle, fileName })).toBe(handle);
  expect(picker).not.toHaveBeenCalled();
});

test.each([
  ["is gone", { isThere: false }, 0],
  ["may not be written to", { permission: "denied" }, 1],
  ["has a person's own words in it", { content: "Dear Ann," }, 0],
])("one that %s is chosen anew", async (_, options, left) => {
  const other = file();
  picker.mockResolvedValue(other);
  remembered.set(fileName, "something");
  expect(await module.choose(fileName, { handle: file(options), fileName })).toBe(other);
  expect(remembered.size).toBe(left);
});

test.each([
  ["another name", { handle: file(), fileName: "other.iso" }],
  ["no handle", { fileName }],
  ["what only looks like one", { handle: { name: "x" }, fileName }],
])("a note with %s is not believed", async (_, planted) => {
  remembered.set(fileName, planted);
  expect(await module.recall(fileName)).toBeUndefined();
});

test.each(["AbortError", "SecurityError"])("%s in the dialog is a change of mind", async (name) => {
  picker.mockRejectedValue(new DOMException("", name));
  expect(await module.choose(fileName, undefined)).toBeUndefined();
});

test("another error of the dialog is thrown", async () => {
  const error = new TypeError("not a name");
  picker.mockRejectedValue(error);
  await expect(module.choose(fileName, undefined)).rejects.toBe(error);
});

test("without a dialog nothing can be chosen", async () => {
  vi.stubGlobal("showSaveFilePicker", undefined);
  vi.resetModules();
  const { canChoose, recall } = await import("./chosen-file.ts");
  remembered.set(fileName, "something");
  expect(canChoose).toBe(false);
  expect(await recall(fileName)).toBeUndefined();
});
