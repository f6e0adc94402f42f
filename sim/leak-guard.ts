/**
 * Finds what makes a run depend on anything but its schedule: while it is on, every asynchronous resource that is made
 * and is no promise is a leak - a timer, an immediate, a file, a request for random bytes. For tests: it slows down.
 */

import { createHook } from "node:async_hooks";

export interface LeakGuard {
  /** The kinds of resources that were made, each once. */
  readonly leaks: ReadonlySet<string>;
  /** In place of the scheduler's own: its immediate is no leak. */
  readonly enter: (begin: () => void) => void;
  stop(): void;
}

export function guardAgainstLeaks(): LeakGuard {
  const leaks = new Set<string>();
  let isOwn = false;
  const hook = createHook({
    init(_id, type) {
      if (type !== "PROMISE" && !isOwn) leaks.add(type);
    },
  });
  hook.enable();
  return {
    leaks,
    enter: (begin) => {
      isOwn = true;
      setImmediate(begin);
      isOwn = false;
    },
    stop: () => void hook.disable(),
  };
}
