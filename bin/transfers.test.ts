import { expect, test } from "vitest";
import { limited, Transfers } from "./transfers.ts";

test("each computer's lines say how far it is", () => {
  const said: string[] = [];
  let now = 0;
  const say = (client: string, words: string) => said.push(`${client} ${words}`);
  const transfers = new Transfers(say, () => now);
  const one = transfers.begin("192.168.1.23", "os.iso", 500_000_000);
  const other = transfers.begin("192.168.1.24", "os.iso", 500_000_000);
  expect(transfers.unfinished).toEqual(["192.168.1.23", "192.168.1.24"]);
  for (let i = 0; i < 500; i++) one.sent(1_000_000);
  now = 20_000;
  one.ended();
  other.sent(212_000_000);
  other.ended();
  transfers.begin("192.168.1.24", "grub.cfg", 200).sent(200);
  expect(transfers.unfinished).toEqual([]);
  expect(said).toEqual([
    "192.168.1.23 begins os.iso, 500 MB",
    "192.168.1.24 begins os.iso, 500 MB",
    "192.168.1.23 has 25 % of os.iso",
    "192.168.1.23 has 50 % of os.iso",
    "192.168.1.23 has 75 % of os.iso",
    "192.168.1.23 has all of os.iso: 500 MB in 20.0 s, 25.0 MB/s",
    "192.168.1.24 has 25 % of os.iso",
    "192.168.1.24 broke off os.iso at 212 of 500 MB",
    "192.168.1.24 fetches grub.cfg",
  ]);
});

test("who asks without end fills no screen, and takes nothing from the others", () => {
  const said: string[] = [];
  let now = 0;
  const tell = limited((line) => said.push(line), () => now); // prettier-ignore
  for (let i = 0; i < 1000; i++) tell("192.168.1.23", `asks for /${i}, which is not here`);
  tell("192.168.1.24", "begins os.iso, 500 MB");
  expect(said.length).toBe(61);
  expect(said.slice(-2)).toEqual([
    "192.168.1.23 asks for so much that no more of it is said in this minute",
    "192.168.1.24 begins os.iso, 500 MB",
  ]);
  now = 60_000;
  tell("192.168.1.23", "begins os.iso, 500 MB");
  expect(said.at(-1)).toBe("192.168.1.23 begins os.iso, 500 MB");
});
