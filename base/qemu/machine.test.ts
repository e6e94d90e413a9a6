import { expect, test } from "vitest";
import { type MachineOptions, withMachine } from "./machine.ts";

// What no computer is: refused before QEMU is started. All else is in the tests that start one.

test.each<[string, Omit<MachineOptions, "image">]>([
  ["a computer that is aarch64 has no BIOS", { arch: "aarch64", firmware: "bios" }],
  ["a Raspberry Pi is aarch64", { arch: "x86_64", firmware: "pi", medium: "sd" }],
  ["a BIOS has no Secure Boot", { firmware: "bios", secureBoot: true }],
])("%s", async (message, options) => {
  const started = withMachine({ image: "/none.img", ...options }, () => Promise.resolve("started"));
  await expect(started).rejects.toThrow(message);
});
