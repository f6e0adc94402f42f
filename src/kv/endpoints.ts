/** Where a client looks for the leader: the addresses that it was given, in turn, and hints, which come first. */

import { RaftError } from "../errors.ts";

export class Endpoints {
  readonly #addresses: readonly string[];
  #position: number;
  #hint: string | undefined;

  /** Starts at a random address, so that many clients spread. Throws `RAFT_INVALID_OPTION`. */
  constructor(addresses: readonly string[], random: () => number) {
    if (!Array.isArray(addresses) || addresses.length === 0) {
      throw new RaftError(
        "RAFT_INVALID_OPTION",
        "endpoints must list the address of at least one node",
      );
    }
    for (const [position, address] of addresses.entries()) {
      if (typeof address !== "string" || address === "") {
        const given = JSON.stringify(address);
        throw new RaftError("RAFT_INVALID_OPTION", `endpoints must be addresses, not ${given}`);
      }
      if (addresses.indexOf(address) !== position) {
        throw new RaftError("RAFT_INVALID_OPTION", `endpoint ${address} is listed twice`);
      }
    }
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
