import { expect, test } from "vitest";
import { withAllowance, type Allowance } from "./allowances.ts";

test.each<[Allowance[], Allowance, boolean, Allowance[]]>([
  [[], "camera", true, ["camera"]],
  [["network"], "camera", true, ["camera", "network"]],
  [["camera"], "camera", true, ["camera"]],
  [["camera", "network"], "network", false, ["camera"]],
  [[], "network", false, []],
  [["camera"], "sysex", true, ["camera", "midi", "sysex"]],
  [["midi", "sysex"], "sysex", false, ["midi"]],
  [["camera", "midi", "sysex"], "midi", false, ["camera"]],
  [["midi"], "midi", true, ["midi"]],
])("%j and %s %s are %j", (allow, use, allowed, expected) => {
  expect(withAllowance(allow, use, allowed)).toEqual(expected);
});
