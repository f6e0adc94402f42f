/** Records that come back with one bit wrong, once: what is stored is right. */

import { withOneBitWrong } from "./damage.ts";
import type { Device } from "./device.ts";

export class Rot {
  readonly #device: Device;
  #pending = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Of the next log or snapshot record that is read. Whoever reads it has to notice, and to stop. */
  add(): void {
    this.#pending += 1;
  }

  heal(): void {
    this.#pending = 0;
  }

  /** What is read under a key. */
  of<Value extends Uint8Array | undefined>(key: string, value: Value): Value | Buffer {
    if (this.#pending === 0 || value === undefined || value.length === 0) return value;
    if (!key.includes("/log/") && !key.includes("/chunk/")) return value;
    this.#pending -= 1;
    this.#device.hooks.onFault("rot");
    return withOneBitWrong(value, this.#device.rng);
  }
}
