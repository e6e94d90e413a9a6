import * as fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StickError } from "../src/errors.ts";
import { diskFolder } from "./stick-folder.ts";

// A folder where a file should be, and the other way round: what is a person's stays, and it is said.

let root = "";
beforeEach(() => (root = fs.mkdtempSync(path.join(tmpdir(), "os-stick-folder-"))));
afterEach(() => fs.rmSync(root, { recursive: true }));

async function* bytes() {
  yield new TextEncoder().encode("ours");
}

test("a folder in the place of a file is no file, and stays", async () => {
  fs.mkdirSync(path.join(root, "EFI/BOOT/BOOTX64.EFI"), { recursive: true });
  const photo = path.join(root, "EFI/BOOT/BOOTX64.EFI/photo.jpg");
  fs.writeFileSync(photo, "sea");
  const folder = diskFolder(root);
  expect(await folder.open("/EFI/BOOT/BOOTX64.EFI")).toBeUndefined();
  await folder.remove("/EFI/BOOT/BOOTX64.EFI");
  const failure = await folder.write("/EFI/BOOT/BOOTX64.EFI", bytes()).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(StickError);
  expect((failure as Error).message).toContain("is in the way");
  expect(fs.readFileSync(photo, "utf8")).toBe("sea");
});

test("a file in the place of a folder holds nothing, and stays", async () => {
  fs.writeFileSync(path.join(root, "EFI"), "sea");
  const folder = diskFolder(root);
  expect(await folder.list("/EFI")).toEqual([]);
  expect(await folder.open("/EFI/BOOT/BOOTX64.EFI")).toBeUndefined();
  await folder.remove("/EFI/BOOT/BOOTX64.EFI");
  await folder.removeEmpty("/EFI");
  for (const at of ["/EFI/a", "/EFI/BOOT/a"]) {
    const failure = await folder.write(at, bytes()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StickError);
    expect((failure as Error).message).toContain("is in the way");
  }
  expect(fs.readFileSync(path.join(root, "EFI"), "utf8")).toBe("sea");
});
