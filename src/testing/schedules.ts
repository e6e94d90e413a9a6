import fc from "fast-check";
import type { Behaviour, Fault } from "./faulty-server.ts";

/** Any fault, with places anywhere in bodies of up to `most` bytes. Waits are a test's: milliseconds. */
export function arbitraryFault(most: number): fc.Arbitrary<Fault> {
  const after = fc.integer({ min: -1, max: most });
  const by = fc.integer({ min: 1, max: most });
  const chunked = fc.boolean();
  const cut = fc.record({ kind: fc.constantFrom("drop", "reset", "stall", "garbage"), after });
  const length = fc.record({ kind: fc.constantFrom("short", "long"), by, chunked });
  const slow = fc.record({
    kind: fc.constant("slow"),
    bytes: fc.integer({ min: 200, max: 2000 }),
    every: fc.integer({ min: 1, max: 4 }),
  });
  const wrong = fc.record({
    kind: fc.constant("wrongByte"),
    at: fc.nat(most - 1),
    bit: fc.nat(7),
  });
  const shifted = fc.record({ kind: fc.constant("shifted"), by, admitted: fc.boolean() });
  const refusal = fc.record({
    kind: fc.constant("status"),
    status: fc.constantFrom(403, 404, 408, 416, 500, 502, 504),
  });
  const busy = fc.record(
    {
      kind: fc.constant("status"),
      status: fc.constantFrom(429, 503),
      retryAfter: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(0, { date: -100 }, { date: 0 }, "soon", "-1", "") },
        { weight: 1, arbitrary: fc.constantFrom(1, { date: 1 }) },
      ),
    },
    { requiredKeys: ["kind", "status"] },
  );
  return fc.oneof(
    fc.record({ kind: fc.constantFrom("ok", "whole") }),
    { weight: 4, arbitrary: cut },
    { weight: 2, arbitrary: length },
    slow,
    wrong,
    shifted,
    refusal,
    busy,
    fc.record({ kind: fc.constant("changed"), by: fc.oneof(fc.constant(0), fc.nat(most)) }),
  );
}

/** Any behaviour with at most `faults` faults, places as above. */
export function arbitraryBehaviour(faults: number, most: number): fc.Arbitrary<Behaviour> {
  return fc.record({
    faults: fc.array(arbitraryFault(most), { maxLength: faults, size: "max" }),
    hopeless: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
    noRange: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
  });
}
