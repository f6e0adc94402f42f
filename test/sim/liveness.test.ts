/** The liveness phase, against clusters that never come to rest though every fault is over. */

import { expect, test } from "vitest";
import type { StateMachine } from "../../src/node/state-machine.ts";
import type { Application } from "../../sim/application.ts";
import { generate } from "../../sim/generate.ts";
import { kvApplication } from "../../sim/kv/application.ts";
import type { KvOperation } from "../../sim/kv/operation.ts";
import { runApplication } from "../../sim/simulation.ts";

const SCHEDULE = generate(1, {
  profile: "calm",
  nodes: 3,
  durationMs: 1000,
  operationsPerSecond: 0,
});

function withMachine(
  change: (machine: StateMachine) => Partial<StateMachine>,
): Application<KvOperation> {
  return {
    ...kvApplication,
    member: (place) => {
      const { machine, ...rest } = kvApplication.member(place);
      const whole: StateMachine = {
        apply: (commands) => machine.apply(commands),
        query: (query) => machine.query(query),
        snapshot: () => machine.snapshot(),
        restore: (chunks) => machine.restore(chunks),
      };
      return { ...rest, machine: { ...whole, ...change(whole) } };
    },
  };
}

const never = (): Promise<never> => new Promise(() => undefined);

test("passes where nothing is wrong", async () => {
  expect(
    (
      await runApplication(
        withMachine(() => ({})),
        SCHEDULE,
      )
    ).violation,
  ).toBeUndefined();
});

test.each([
  ["reads that are never answered", { query: never }],
  ["writes that are never applied", { apply: never }],
])("finds %s: L2", async (_, broken) => {
  const { violation } = await runApplication(
    withMachine(() => broken),
    SCHEDULE,
  );
  expect(violation).toMatchObject({
    property: "L2",
    text: expect.stringContaining("RAFT_TIMEOUT"),
  });
});
