/** A state machine that takes its time: what it is given is applied when a while is over, and not before. */

import type { StateMachine } from "../src/node/state-machine.ts";

/** `wait` runs what it is given later, or never; `undefined`: at once, as the machine itself would. */
export function slowed<Result, Query, Answer>(
  machine: StateMachine<Result, Query, Answer>,
  wait: () => ((run: () => void) => void) | undefined,
): StateMachine<Result, Query, Answer> {
  return {
    apply(commands) {
      const later = wait();
      if (later === undefined) return machine.apply(commands);
      return new Promise((resolve, reject) => {
        later(() => {
          try {
            resolve(machine.apply(commands));
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      });
    },
    query: (query) => machine.query(query),
    snapshot: () => machine.snapshot(),
    restore: (chunks) => machine.restore(chunks),
  };
}
