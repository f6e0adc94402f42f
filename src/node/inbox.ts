/**
 * What waits for the next turn: inputs from outside in bounded queues. Overload is refused at once (rule 70); what the
 * node itself reports, a finished write or apply, is never refused.
 */

import type { Message } from "../core/message.ts";
import type { Input } from "../core/ready.ts";
import { RaftError } from "../errors.ts";
import type { InboxLimits } from "./options.ts";
import type { Sink } from "./sink.ts";

/** Stands where a command was taken back. */
const WITHDRAWN = new Uint8Array(0);
const NOBODY: Sink<unknown> = { done: () => undefined, failed: () => undefined };

/** So many searches through a queue cost less than to write down where everything is. */
const FEW_SEARCHES = 8;

/**
 * Commands in the order in which they came, as parallel lists: no object for each. One that is taken back leaves a hole,
 * so that many may go at once without the others moving up for each; the holes are closed when they are half of the
 * lists, and before a turn takes them.
 */
export class ProposalQueue<Result> {
  commands: Uint8Array[] = [];
  sinks: Sink<Result>[] = [];
  tokens: number[] = [];
  bytes = 0;
  #holes = 0;
  #searches = 0;
  /** Where each sink was last added, up to `#placed`: made when many commands are taken back. */
  readonly #places = new Map<Sink<Result>, number>();
  #placed = 0;

  /** Commands that are in it, without the holes. */
  get size(): number {
    return this.commands.length - this.#holes;
  }

  add(command: Uint8Array, sink: Sink<Result>, token: number): void {
    this.commands.push(command);
    this.sinks.push(sink);
    this.tokens.push(token);
    this.bytes += command.length;
  }

  /** Takes one back that no turn has seen; whether it was still there. */
  remove(sink: Sink<Result>, token: number): boolean {
    const at = this.#placeOf(sink, token);
    if (at === -1) return false;
    this.bytes -= this.commands[at]?.length ?? 0;
    this.commands[at] = WITHDRAWN;
    this.sinks[at] = NOBODY;
    this.#holes += 1;
    if (this.#holes * 2 > this.commands.length) this.closeHoles();
    return true;
  }

  /** Afterwards the lists hold what is in it, and nothing else. */
  closeHoles(): void {
    if (this.#holes === 0) return;
    const isThere = (_: unknown, at: number): boolean => this.commands[at] !== WITHDRAWN;
    this.sinks = this.sinks.filter(isThere);
    this.tokens = this.tokens.filter(isThere);
    this.commands = this.commands.filter((command) => command !== WITHDRAWN);
    this.#holes = 0;
    this.#places.clear();
    this.#placed = 0;
  }

  #placeOf(sink: Sink<Result>, token: number): number {
    if (this.#searches < FEW_SEARCHES) {
      this.#searches += 1;
      return this.#search(sink, token);
    }
    for (; this.#placed < this.sinks.length; this.#placed += 1) {
      const added = this.sinks[this.#placed];
      if (added !== undefined) this.#places.set(added, this.#placed);
    }
    const last = this.#places.get(sink);
    if (last === undefined) return -1;
    if (this.sinks[last] === sink && this.tokens[last] === token) return last;
    // A sink that serves many commands may have been added before.
    return this.#search(sink, token);
  }

  #search(sink: Sink<Result>, token: number): number {
    const { sinks, tokens } = this;
    return sinks.findIndex((each, at) => each === sink && tokens[at] === token);
  }
}

export interface QueuedRead<Query, Answer> {
  readonly query: Query;
  readonly sink: Sink<Answer>;
  readonly token: number;
}

export class Inbox<Result, Query, Answer> {
  readonly #limits: InboxLimits;
  #inputs: Input[] = [];
  #messages = 0;
  #messageBytes = 0;
  #proposals = new ProposalQueue<Result>();
  #reads: QueuedRead<Query, Answer>[] = [];

  constructor(limits: InboxLimits) {
    this.#limits = limits;
  }

  /** The node's own reports: never refused. */
  report(input: Input): void {
    this.#inputs.push(input);
  }

  /** A peer's message; false where it was dropped, as a network may. */
  receive(input: Input & { type: "message" }): boolean {
    const { maxMessages, maxMessageBytes } = this.#limits;
    const bytes = payloadBytes(input.message);
    if (this.#messages >= maxMessages) return false;
    if (this.#messageBytes > 0 && this.#messageBytes + bytes > maxMessageBytes) return false;
    this.#messages += 1;
    this.#messageBytes += bytes;
    this.#inputs.push(input);
    return true;
  }

  /** Why the command cannot be taken beside the `inLog` that wait there, or `undefined` once it is queued. */
  propose(
    command: Uint8Array,
    sink: Sink<Result>,
    token: number,
    inLog: number,
  ): RaftError | undefined {
    const { maxProposals, maxProposalBytes, maxCommandBytes } = this.#limits;
    const queue = this.#proposals;
    if (command.length > maxCommandBytes) {
      return new RaftError(
        "RAFT_TOO_LARGE",
        `a command of ${command.length} bytes exceeds the limit of ${maxCommandBytes}`,
      );
    }
    if (
      inLog + queue.size >= maxProposals ||
      (queue.bytes > 0 && queue.bytes + command.length > maxProposalBytes)
    ) {
      return new RaftError(
        "RAFT_OVERLOADED",
        `${inLog + queue.size} proposals are waiting already`,
      );
    }
    queue.add(command, sink, token);
    return undefined;
  }

  get waitingReads(): number {
    return this.#reads.length;
  }

  /** The driver has looked at how many are under way. */
  read(read: QueuedRead<Query, Answer>): void {
    this.#reads.push(read);
  }

  /** Takes back a proposal that no turn has seen yet. */
  withdraw(sink: Sink<Result>, token: number): boolean {
    return this.#proposals.remove(sink, token);
  }

  takeInputs(): readonly Input[] {
    const inputs = this.#inputs;
    this.#inputs = [];
    this.#messages = 0;
    this.#messageBytes = 0;
    return inputs;
  }

  takeProposals(): ProposalQueue<Result> {
    const proposals = this.#proposals;
    proposals.closeHoles();
    if (proposals.commands.length > 0) this.#proposals = new ProposalQueue();
    return proposals;
  }

  takeReads(): readonly QueuedRead<Query, Answer>[] {
    const reads = this.#reads;
    if (reads.length > 0) this.#reads = [];
    return reads;
  }
}

/** What a message holds on to; all but appends are small. */
function payloadBytes(message: Message): number {
  if (message.type !== "AppendEntries") return 0;
  let bytes = 0;
  for (const entry of message.entries) if (entry.kind === "command") bytes += entry.payload.length;
  return bytes;
}
