import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LASTING_ANSWER } from "./boot.ts";
import { parseConfig } from "./raspberry-pi.ts";

const esp = join(import.meta.dirname, "../build/arch/aarch64/esp");
const read = (name: string) => readFileSync(join(esp, name), "utf8");

test("the configuration of a Raspberry Pi names what lies beside it", () => {
  expect(parseConfig(read("config.txt"))).toEqual({ kernel: "vmlinuz", initramfs: "initramfs.img" });
  expect(() => parseConfig("kernel=vmlinuz\n")).toThrow("names no kernel or initramfs");
});

test("a Raspberry Pi's kernel arguments are one line, and those that the initramfs reads", () => {
  const line = read("cmdline.txt");
  expect(line).toMatch(/^live=PARTUUID=@LIVE@ piece=auto [^\n]+\n$/);
  const init = readFileSync(join(import.meta.dirname, "../boot/initramfs/init"), "utf8");
  expect(init).toMatch(/^ {4}piece=auto\)/m);
});

test("a Raspberry Pi's kernel is told what GRUB tells it on other machines", () => {
  const grub = readFileSync(join(import.meta.dirname, "../boot/esp/grub.cfg"), "utf8");
  const [, given = ""] = /^if linux \S+ \S+ \S+ (.*); then$/m.exec(grub) ?? [];
  const words = given.split(" ").filter((word) => !word.startsWith("console="));
  expect(words.length).toBeGreaterThan(3);
  expect(read("cmdline.txt").trim().split(" ")).toEqual(expect.arrayContaining([...words, "console=tty0"]));
});

test("a disk that answers late is waited for, and no other answer is passed over", () => {
  const late = "NOPIECE no-disk the disk does not answer";
  expect(LASTING_ANSWER.exec(late)).toBeNull();
  expect(LASTING_ANSWER.exec(`${late}\n\nPIECE frog 0a 12\n`)?.[0]).toBe("PIECE frog 0a 12");
  expect(LASTING_ANSWER.test("NOPIECE no-filesystem there is none")).toBe(true);
});
