import { expect, test } from "vitest";
import { Transfers } from "./transfers.ts";

test("each computer's lines say how far it is", () => {
  const said: string[] = [];
  let now = 0;
  const transfers = new Transfers((line) => said.push(line), () => now); // prettier-ignore
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
