import { expect, test } from "vitest";
import { slowed } from "../../sim/slow-machine.ts";
import type { StateMachine } from "../../src/node/state-machine.ts";

function machineOf(seen: number[]): StateMachine<number, undefined, readonly number[]> {
  return {
    apply(commands) {
      for (const { index } of commands) seen.push(index);
      if (seen.includes(13)) throw new RangeError("13");
      return commands.map(({ index }) => index);
    },
    query: () => seen,
    async *snapshot() {
      yield Buffer.from("state");
    },
    restore: () => Promise.resolve(),
  };
}

const command = (index: number) => ({ index, term: 1, time: 0, payload: new Uint8Array() });

test("what a slow machine is given is applied when its time has come, and not before", async () => {
  const waiting: (() => void)[] = [];
  const machine = slowed(machineOf([]), () => (run) => void waiting.push(run));
  const results = machine.apply([command(1), command(2)]);
  await Promise.resolve();
  expect(machine.query(undefined)).toEqual([]);
  waiting[0]?.();
  expect(await results).toEqual([1, 2]);
  expect(machine.query(undefined)).toEqual([1, 2]);
  const failing = machine.apply([command(13)]);
  waiting[1]?.();
  await expect(failing).rejects.toThrow("13");
});

test("a machine that is not slowed answers at once", () => {
  expect(slowed(machineOf([]), () => undefined).apply([command(1)])).toEqual([1]);
});
