/** Where a client looks for the leader: the addresses that it was given, in turn, and hints, which come first. */

export class Endpoints {
  readonly #addresses: readonly string[];
  #position: number;
  #hint: string | undefined;

  /** Starts at a random one of the addresses, at least one, so that many clients spread. */
  constructor(addresses: readonly string[], random: () => number) {
    this.#addresses = [...addresses];
    this.#position = Math.floor(random() * addresses.length) % addresses.length;
  }

  get current(): string {
    return this.#hint ?? this.#addresses[this.#position] ?? "";
  }

  /** The hinted address, or the next of the list where there is no hint or it leads to where we are. */
  moveTo(hint: string | undefined): void {
    const from = this.current;
    this.#hint = hint === from ? undefined : hint;
    if (this.#hint !== undefined) return;
    this.#position = (this.#position + 1) % this.#addresses.length;
    // Coming from a hint that is of the list, the next of the list may be that very address.
    if (this.current === from) this.#position = (this.#position + 1) % this.#addresses.length;
  }
}
