import fc from "fast-check";
import { ILLEGAL_PARTS, type Behaviour, type Fault, type PartShape } from "./faulty-server.ts";

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
    status: fc.constantFrom(403, 404, 408, 416, 500, 501, 502, 504, 505, 507, 511, 520, 530),
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
  const illegal = fc.record({
    kind: fc.constant("illegal"),
    how: fc.constantFrom(...(Object.keys(ILLEGAL_PARTS) as (keyof typeof ILLEGAL_PARTS)[])),
  });
  return fc.oneof(
    fc.record({ kind: fc.constantFrom("ok", "whole", "portal") }),
    illegal,
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

/** Any legal way to answer with other parts, in sizes about those of bodies of up to `most` bytes. */
function arbitraryParts(most: number): fc.Arbitrary<PartShape> {
  return fc.record(
    {
      align: fc.integer({ min: 1, max: most }),
      cap: fc.integer({ min: Math.ceil(most / 16), max: most }),
      unknownSize: fc.boolean(),
      unit: fc.constantFrom("bytes", "Bytes", "BYTES"),
    },
    { requiredKeys: [] },
  );
}

/** Any behaviour with at most `faults` faults, places as above. */
export function arbitraryBehaviour(faults: number, most: number): fc.Arbitrary<Behaviour> {
  return fc.record({
    faults: fc.array(arbitraryFault(most), { maxLength: faults, size: "max" }),
    hopeless: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
    noRange: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    parts: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, arbitraryParts(most)),
  });
}
