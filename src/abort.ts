/**
 * Hearing of the abort of a signal that many calls may share, as they share one for the end of a process. An `EventTarget`
 * keeps its listeners in a list that it walks for each one that leaves, and warns of more than ten: so it has one for all.
 */

/** Who waits for the abort of one signal, in the order in which they came. */
class Audience {
  readonly #signal: AbortSignal;
  readonly #callbacks = new Set<() => void>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  join(callback: () => void): void {
    if (this.#callbacks.size === 0) this.#signal.addEventListener("abort", this.#tell);
    this.#callbacks.add(callback);
  }

  /** The last one closes the door: a signal that is listened to stays in memory until it aborts. */
  leave(callback: () => void): void {
    this.#callbacks.delete(callback);
    if (this.#callbacks.size === 0) this.#signal.removeEventListener("abort", this.#tell);
  }

  readonly #tell = (): void => {
    for (const callback of this.#callbacks) callback();
  };
}

const audiences = new WeakMap<AbortSignal, Audience>();

/** Calls back when `signal` aborts, until the function that is returned is called. The callback must not throw. */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let audience = audiences.get(signal);
  if (audience === undefined) {
    audience = new Audience(signal);
    audiences.set(signal, audience);
  }
  audience.join(callback);
  return () => audience.leave(callback);
}
