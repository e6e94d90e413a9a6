import fc from "fast-check";
import { expect, test } from "vitest";
import { Computer } from "../testing/computer.ts";
import { STANDSTILL_MS, timeRun } from "./run-clock.ts";

test.each([
  ["all of a second", 1000, 1000],
  ["all of a late tick", STANDSTILL_MS, STANDSTILL_MS],
  ["one tick of a standstill", STANDSTILL_MS + 1, 1000],
  ["one tick of a night", 8 * 3600_000, 1000],
  ["nothing when the computer's clock is set back", -3600_000, 0],
])("counts %s", (_, elapsed, counted) => {
  expect(timeRun(elapsed)).toBe(counted);
});

test.each([1, 999, 1000, 1001, 25_000, 150_000])("%i ms are over after just as long", (ms) => {
  const computer = new Computer();
  let over = false;
  computer.clock.after(ms, () => (over = true));
  computer.run(ms - 1);
  expect(over).toBe(false);
  computer.run(1);
  expect(over).toBe(true);
  expect(computer.timers).toBe(0);
});

test("a cancelled wait comes to nothing, and leaves no timer", () => {
  const computer = new Computer();
  const cancel = computer.clock.after(5000, () => expect.unreachable());
  computer.run(4000);
  cancel();
  cancel();
  computer.run(10_000);
  expect(computer.timers).toBe(0);
});

test("short waits add up", () => {
  const computer = new Computer();
  const before = computer.clock.now();
  for (let i = 0; i < 10; i++) {
    const cancel = computer.clock.after(5000, () => expect.unreachable());
    computer.run(300);
    cancel();
  }
  expect(computer.clock.now() - before).toBe(3000);
});

test("time in which the computer slept does not count, and its end is told once", () => {
  const computer = new Computer();
  let over = false;
  let wakes = 0;
  const end = computer.clock.onWake(() => (wakes += 1));
  computer.clock.after(20_000, () => (over = true));
  computer.run(5500);
  computer.sleep(165_000);
  computer.run(13_000);
  expect([over, wakes]).toEqual([false, 1]);
  computer.run(2000);
  expect([over, wakes]).toEqual([true, 1]);
  end();
  expect(computer.timers).toBe(0);
});

test("what wakes may end the wait that noticed", () => {
  const computer = new Computer();
  const cancel = computer.clock.after(20_000, () => expect.unreachable());
  const end = computer.clock.onWake(() => {
    cancel();
    end();
  });
  computer.run(500);
  computer.sleep(60_000);
  computer.run(60_000);
  expect(computer.timers).toBe(0);
});

test("thirty messages at once count as one look", () => {
  const computer = new Computer();
  computer.clock.after(150_000, () => expect.unreachable());
  const before = computer.clock.now();
  computer.sleep(165_000);
  for (let i = 0; i < 30; i++) computer.clock.tick();
  expect(computer.clock.now() - before).toBe(1000);
});

test("ticks from elsewhere make up for timers that hardly run", () => {
  const computer = new Computer();
  const before = computer.clock.now();
  let over = false;
  computer.clock.after(150_000, () => (over = true));
  for (let i = 0; i < 30; i++) {
    computer.sleep(5000); // no timer fires: the page is hidden
    computer.clock.tick();
  }
  expect(computer.clock.now() - before).toBe(150_000);
  computer.run(0);
  expect(over).toBe(true);
});

test("nobody waits: no time goes by, and nothing is taken for a standstill", () => {
  const computer = new Computer();
  const before = computer.clock.now();
  computer.sleep(60_000);
  expect(computer.clock.now()).toBe(before);
  computer.clock.onWake(() => expect.unreachable());
  computer.run(3000);
});

test("whatever is slept in between, a wait is over when the program has run for it, or a tick less per sleep", () => {
  const spells = fc.array(
    fc.record({
      run: fc.integer({ min: 0, max: 8000 }),
      sleep: fc.integer({ min: STANDSTILL_MS + 1, max: 1e8 }),
    }),
  );
  fc.assert(
    fc.property(spells, fc.integer({ min: 1, max: 60_000 }), (all, ms) => {
      const computer = new Computer();
      let ran = 0;
      let sleeps = 0;
      let over = false;
      computer.clock.after(ms, () => (over = true));
      for (const { run, sleep } of all) {
        computer.run(run);
        ran += run;
        if (over) break;
        expect(ran, "not late").toBeLessThan(ms + 1000 * sleeps + 1000);
        computer.sleep(sleep);
        sleeps += 1;
      }
      if (over) expect(ran + 1000 * sleeps, "not early").toBeGreaterThanOrEqual(ms);
      computer.run(ms);
      expect(over).toBe(true);
    }),
  );
});
