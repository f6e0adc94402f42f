/**
 * What waits for the next turn: inputs from outside in bounded queues. Overload is refused at once (rule 70); what the
 * node itself reports, a finished write or apply, is never refused.
 */

import type { Message } from "../core/message.ts";
import type { Input } from "../core/ready.ts";
import { RaftError } from "../errors.ts";
import type { InboxLimits } from "./options.ts";
import type { Sink } from "./sink.ts";

/** Commands in the order in which they came, as parallel lists: no object for each. */
export class ProposalQueue<Result> {
  commands: Uint8Array[] = [];
  sinks: Sink<Result>[] = [];
  tokens: number[] = [];
  bytes = 0;

  add(command: Uint8Array, sink: Sink<Result>, token: number): void {
    this.commands.push(command);
    this.sinks.push(sink);
    this.tokens.push(token);
    this.bytes += command.length;
  }

  /** Takes one back that no turn has seen; whether it was still there. */
  remove(sink: Sink<Result>, token: number): boolean {
    const at = this.sinks.findIndex((each, index) => each === sink && this.tokens[index] === token);
    if (at === -1) return false;
    this.bytes -= this.commands[at]?.length ?? 0;
    this.commands.splice(at, 1);
    this.sinks.splice(at, 1);
    this.tokens.splice(at, 1);
    return true;
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
      inLog + queue.commands.length >= maxProposals ||
      (queue.bytes > 0 && queue.bytes + command.length > maxProposalBytes)
    ) {
      return new RaftError(
        "RAFT_OVERLOADED",
        `${inLog + queue.commands.length} proposals are waiting already`,
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
