/**
 * Time as the node sees it: the only way to a timer or to "later" in `src`. Injected, so that a simulated one can stand in.
 */

/** A callback that is to come; it does not come once it is cancelled. */
export interface Timer {
  cancel(): void;
}

/** The time of a node, and its only way to do something later. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary origin, possibly with a fraction. Never the wall clock. */
  now(): number;
  /**
   * Calls back once after about `delayMs`, which may exceed 2^31 - 1. Until then, or until it is cancelled, the process
   * stays alive: somebody waits, be it for a retry or for a deadline.
   */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls back once, after the I/O events that are due now: this is what most turns wait for. */
  defer(callback: () => void): void;
  /** Calls back once, when what runs now has ended: sooner than `defer`, which lets other events come first. */
  soon(callback: () => void): void;
}

/** All that there is to a clock. */
export const clockMethods: readonly (keyof Clock)[] = ["now", "setTimer", "defer", "soon"];

/** Node's own timers: above this many milliseconds `setTimeout` fires at once (rule 66). */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

class SystemClock implements Clock {
  now(): number {
    return performance.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    let handle: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      const step = Math.min(remainingMs, LONGEST_TIMEOUT_MS);
      handle = setTimeout(() => (remainingMs > step ? arm(remainingMs - step) : callback()), step);
    };
    arm(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  soon(callback: () => void): void {
    // What queueMicrotask does, but for its bookkeeping for each call.
    void NOW.then(callback);
  }
}

const NOW: Promise<void> = Promise.resolve();

/** The clock of the machine. */
export const systemClock: Clock = new SystemClock();

/**
 * An abort signal that fires after `delayMs` of `clock`, or with `parent`; call `dispose` when it is no longer needed.
 * Stands in for `AbortSignal.timeout`, which knows only the machine's clock.
 */
export function deadlineSignal(
  clock: Clock,
  delayMs: number,
  parent: AbortSignal | undefined,
): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(parent?.reason);
  const timer = clock.setTimer(delayMs, () => controller.abort());
  if (parent?.aborted === true) onAbort();
  parent?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    dispose(): void {
      timer.cancel();
      parent?.removeEventListener("abort", onAbort);
    },
  };
}
