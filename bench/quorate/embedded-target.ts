/** Load on a node from within its process: `submit` and `submitRead`, as the hot path of a program that embeds it. */

import type { LogIndex } from "../../src/core/types.ts";
import type { RaftError } from "../../src/errors.ts";
import type { RaftNode } from "../../src/node/node.ts";
import type { Sink } from "../../src/node/sink.ts";
import type { Outcome, Target } from "../load/target.ts";
import { encodePut } from "./map-machine.ts";

export class EmbeddedTarget implements Target, Sink<unknown> {
  readonly #node: RaftNode<undefined, string, string | undefined>;
  #outcome: Outcome | undefined;

  constructor(node: RaftNode<undefined, string, string | undefined>) {
    this.#node = node;
  }

  async prepare(): Promise<void> {
    await this.#node.waitForLeader();
  }

  put(token: number, key: string, value: string, outcome: Outcome): void {
    this.#outcome = outcome;
    this.#node.submit(encodePut(key, value), this, token);
  }

  get(token: number, key: string, outcome: Outcome): void {
    this.#outcome = outcome;
    this.#node.submitRead(key, this, token);
  }

  done(token: number, _index: LogIndex, _value: unknown): void {
    this.#outcome?.done(token);
  }

  failed(token: number, error: RaftError): void {
    this.#outcome?.failed(token, error);
  }
}
