/**
 * The turn loop: one owner of the core, and the only place that touches it (rule 64).
 *
 * ```
 *   propose --+                    +------------------+ messages ----> transport.send
 *   message --+-> inbox -> turn -> | core             | write -------> storage.write ---+
 *   time -----+     ^              | pure, synchronous| apply -------> state machine ---+
 *   read -----+     |              +------------------+                                 |
 *                   +-------------------- persisted, applied --------------------------+
 * ```
 *
 * A turn drains the inbox, steps the core for each input, takes the effects once, and hands them out. Turns go on while a
 * write is in flight, so heartbeats, votes and reads never wait for the disk behind somebody else's data (rule 65); what
 * gathers meanwhile becomes the next write. What is committed is applied behind the turn: messages and the write leave first.
 * A turn waits for what is due beside its first input, but for a write that is done: then it comes at once.
 */

import { membersOf } from "../core/membership.ts";
import type { Message } from "../core/message.ts";
import { Raft } from "../core/raft.ts";
import type { ApplyTask, Input, Ready } from "../core/ready.ts";
import { configurationOf } from "../core/state.ts";
import type { RaftState } from "../core/state.ts";
import type { Configuration, StoredState } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import type { LeaderHint } from "../errors.ts";
import type { PeerMessage } from "../transport/transport.ts";
import { Applier } from "./applier.ts";
import type { Applied } from "./applier.ts";
import type { Timer } from "./clock.ts";
import { Disk } from "./disk.ts";
import { stoppedError } from "./failures.ts";
import { Inbox } from "./inbox.ts";
import type { ProposalQueue, QueuedRead } from "./inbox.ts";
import type { Settings } from "./options.ts";
import { failQueue, Proposals } from "./proposals.ts";
import { Queries } from "./queries.ts";
import { failReads, Reads } from "./reads.ts";
import type { Sink } from "./sink.ts";
import { Snapshots } from "./snapshots.ts";

export interface DriverHooks {
  /** A turn has ended, or what was applied behind it: outside of these the state does not change. */
  readonly onTurn: (state: Readonly<RaftState>) => void;
  /** Something that the node cannot go on after. */
  readonly onFailure: (error: unknown) => void;
}

export class Driver<Result, Query, Answer> {
  readonly #settings: Settings<Result, Query, Answer>;
  readonly #hooks: DriverHooks;
  readonly #raft: Raft;
  readonly #inbox: Inbox<Result, Query, Answer>;
  readonly #applier: Applier<Result>;
  readonly #snapshots: Snapshots;
  readonly #disk: Disk;
  readonly #proposals = new Proposals<Result>();
  readonly #reads = new Reads<Query, Answer>();
  readonly #queries: Queries<Query, Answer>;
  /** How many things are under way outside of turns. */
  #underWay = 0;
  readonly #whenIdle: (() => void)[] = [];
  #batch = 0;
  #turns = 0;
  #applying = false;
  #turnDue = false;
  #inTurn = false;
  #stopReason: RaftError | undefined;
  /** Taken out of the inbox in this turn, and not heard of from the core yet. */
  #taken: ProposalQueue<Result> | undefined;
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #wasLeader = false;
  /** The one that the transport knows. */
  #configuration: Configuration | undefined;

  constructor(settings: Settings<Result, Query, Answer>, stored: StoredState, hooks: DriverHooks) {
    const { clock, raft, inbox, machine, storage, transport } = settings;
    this.#settings = settings;
    this.#hooks = hooks;
    this.#raft = Raft.open(raft, stored, clock.now());
    this.#inbox = new Inbox(inbox);
    this.#applier = new Applier(machine, storage, raft.maxApplyBytes);
    this.#queries = new Queries(machine);
    const outcomes = {
      report: (input: Input): void => this.report(input),
      onFailure: hooks.onFailure,
      track: (task: Promise<unknown>): void => this.#track(task),
    };
    this.#snapshots = new Snapshots(
      {
        self: raft.id,
        storage,
        machine,
        policy: settings.snapshot,
        clock,
        random: settings.random,
        retryMs: raft.electionTimeoutMs,
        send: (message) => transport.send(message),
        deliver: (message) => this.#deliver(message),
        ...outcomes,
      },
      stored.snapshot,
    );
    this.#disk = new Disk({ storage, snapshots: this.#snapshots, ...outcomes });
  }

  get state(): Readonly<RaftState> {
    return this.#raft.state;
  }

  get raft(): Raft {
    return this.#raft;
  }

  /** Whom to ask instead, where known. */
  get leaderHint(): LeaderHint | undefined {
    const { state } = this.#raft;
    const leader = membersOf(configurationOf(state)).find(({ id }) => id === state.leader);
    return leader === undefined ? undefined : { id: leader.id, address: leader.address };
  }

  /** Turns begun: what is reported now is seen by the next. */
  get turns(): number {
    return this.#turns;
  }

  submit(command: Uint8Array, sink: Sink<Result>, token: number): void {
    const refusal = this.#isStopped
      ? this.#stoppedError()
      : this.#inbox.propose(command, sink, token, this.#proposals.size);
    if (refusal === undefined) this.#wantTurn();
    else sink.failed(token, refusal);
  }

  /** Takes back a proposal that has not reached the log; whether that was so. */
  withdraw(sink: Sink<Result>, token: number): boolean {
    return this.#inbox.withdraw(sink, token);
  }

  submitRead(read: QueuedRead<Query, Answer>): void {
    const refusal = this.#refusalOfRead();
    if (refusal !== undefined) return read.sink.failed(read.token, refusal);
    this.#inbox.read(read);
    this.#wantTurn();
  }

  submitLocalRead(read: QueuedRead<Query, Answer>): void {
    const refusal = this.#refusalOfRead();
    if (refusal !== undefined) return read.sink.failed(read.token, refusal);
    this.#queries.addLocal(read);
    this.#wantTurn();
  }

  /** What a peer has sent; dropped where too much is waiting already, as a network may. */
  receive(message: PeerMessage): void {
    if (this.#isStopped) return;
    switch (message.type) {
      case "SnapshotChunk":
        return this.#snapshots.onChunk(message, this.#raft.state);
      case "SnapshotChunkResponse":
        return this.#snapshots.onChunkResponse(message);
      case "InstallSnapshot":
        // Comes from our own receiver when the chunks are staged, never from the network.
        return undefined;
      default:
        return this.#deliver(message);
    }
  }

  /** An input that the node itself makes: never refused. */
  report(input: Input): void {
    if (this.#isStopped) return;
    this.#inbox.report(input);
    // What waits for a write has waited for a disk: nothing that may come is worth more of it.
    if (input.type === "persisted") this.#wantTurn((turn) => this.#settings.clock.soon(turn));
    else this.#wantTurn();
  }

  /** Begins with whatever there is to do: a first apply, a first timer. */
  start(): void {
    this.#wantTurn();
  }

  /** Takes no more turns and answers every waiter: at once, or where this is called from within a turn at its end. */
  stop(error: RaftError): void {
    if (this.#stopReason !== undefined) return;
    this.#stopReason = error;
    if (!this.#inTurn) this.#end(error);
  }

  /** Resolves when nothing is under way any more, of what a driver that has stopped has begun. */
  async idle(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  get #isStopped(): boolean {
    return this.#stopReason !== undefined;
  }

  #stoppedError(): RaftError {
    const reason = this.#stopReason;
    return stoppedError(reason?.code === "RAFT_STOPPED" ? undefined : reason);
  }

  /** Nothing begins or goes on by itself any more, and whoever waits is answered. */
  #end(reason: RaftError): void {
    this.#timer?.cancel();
    this.#applier.stop();
    this.#snapshots.stop();
    this.#answerAll(reason);
  }

  #answerAll(reason: RaftError): void {
    const { code, message, cause } = reason;
    const rejected = new RaftError(code, message, { cause });
    const unknown = new RaftError(code, message, { cause, outcome: "unknown" });
    failQueue(this.#inbox.takeProposals(), rejected);
    if (this.#taken !== undefined) failQueue(this.#taken, unknown);
    this.#taken = undefined;
    this.#proposals.failAll(unknown);
    failReads(this.#inbox.takeReads(), rejected);
    this.#reads.failAll(rejected);
    this.#queries.failAll(rejected);
  }

  #refusalOfRead(): RaftError | undefined {
    if (this.#isStopped) return this.#stoppedError();
    const waiting = this.#inbox.waitingReads + this.#reads.size + this.#queries.size;
    if (waiting < this.#settings.inbox.maxReads) return undefined;
    return new RaftError("RAFT_OVERLOADED", `${waiting} reads are waiting already`);
  }

  /** A message for the core; dropped where too much is waiting. */
  #deliver(message: Message): void {
    if (this.#inbox.receive({ type: "message", message })) this.#wantTurn();
  }

  /** Once for all that comes until then. */
  #wantTurn(when: (turn: () => void) => void = (turn) => this.#settings.clock.defer(turn)): void {
    if (this.#turnDue) return;
    this.#turnDue = true;
    when(() => {
      this.#turnDue = false;
      if (!this.#isStopped) this.#undisturbed(() => this.#turn());
    });
  }

  /** Runs what tells people of outcomes: where one of them stops the node, that waits until all of it is done. */
  #undisturbed(action: () => void): void {
    this.#inTurn = true;
    try {
      action();
    } catch (error) {
      this.#hooks.onFailure(error);
    } finally {
      this.#inTurn = false;
      if (this.#stopReason !== undefined) this.#end(this.#stopReason);
    }
  }

  #turn(): void {
    this.#turns += 1;
    const raft = this.#raft;
    const now = this.#settings.clock.now();
    const staged: string[] = [];
    for (const input of this.#inbox.takeInputs()) {
      raft.step(now, input);
      if (input.type === "snapshotTaken") staged.push(input.id);
      if (input.type === "message" && input.message.type === "InstallSnapshot")
        staged.push(input.message.snapshot.id);
    }
    for (const id of staged) this.#snapshots.onStaged(id);
    const queue = this.#inbox.takeProposals();
    if (queue.commands.length > 0) {
      this.#taken = queue;
      raft.step(now, { type: "propose", batch: this.#batch, commands: queue.commands });
    }
    this.#takeReads(now);
    if (now >= raft.deadline) raft.step(now, { type: "tick" });

    const ready = raft.takeReady();
    for (const proposed of ready.proposed)
      this.#proposals.onProposed(queue, proposed, () => this.leaderHint);
    this.#taken = undefined;
    this.#observe(now);
    this.#carryOut(ready);
    this.#snapshots.settle(raft.state);
    this.#armTimer(now);
    this.#hooks.onTurn(raft.state);
  }

  #takeReads(now: number): void {
    const reads = this.#inbox.takeReads();
    if (reads.length === 0) return;
    this.#batch += 1;
    this.#reads.add(this.#batch, reads);
    this.#raft.step(now, { type: "read", batch: this.#batch });
  }

  #carryOut(ready: Ready): void {
    const { transport } = this.#settings;
    for (const message of ready.messages) transport.send(message);
    if (ready.write !== undefined) this.#disk.write(ready.write);
    for (const outcome of ready.reads) this.#reads.onOutcome(outcome, () => this.leaderHint);
    for (const request of ready.readEntries) this.#disk.readEntries(request);
    for (const request of ready.sendSnapshots) this.#snapshots.send(request);
    // Before the next apply: under a steady load an asynchronous state machine would never be idle afterwards.
    if (ready.apply?.type !== "restore") this.#answerReads();
    if (ready.apply !== undefined) this.#apply(ready.apply);
  }

  #apply(task: ApplyTask): void {
    this.#applying = true;
    // The snapshot is in use from now on.
    if (task.type === "restore") this.#snapshots.onRestoring(task.snapshot.id);
    // Behind the turn, whose messages and writes are on their way then: others wait for those.
    this.#settings.clock.soon(() => {
      if (!this.#isStopped) this.#undisturbed(() => this.#applyNow(task));
    });
  }

  #applyNow(task: ApplyTask): void {
    const outcome = this.#applier.run(task);
    if (!(outcome instanceof Promise)) return this.#onAppliedAtOnce(outcome);
    this.#track(
      outcome.then(
        (applied) => {
          this.#applying = false;
          if (this.#isStopped) return;
          this.report({ type: "applied", index: applied.index });
          this.#undisturbed(() => this.#onApplied(applied));
        },
        (error: unknown) => this.#hooks.onFailure(error),
      ),
    );
  }

  /** The core learns of it now, and whoever waits for it; a turn comes only where there is more to apply. */
  #onAppliedAtOnce(applied: Applied<Result>): void {
    this.#applying = false;
    const { state } = this.#raft;
    this.#raft.step(state.now, { type: "applied", index: applied.index });
    if (Math.min(state.commitIndex, state.log.durableIndex) > state.lastApplied) this.#wantTurn();
    this.#onApplied(applied);
    this.#answerReads();
    this.#hooks.onTurn(state);
  }

  #onApplied(applied: Applied<Result>): void {
    if (applied.type === "restored") {
      this.#snapshots.onRestored(applied.index);
      this.#proposals.onRestored(applied.index);
    } else {
      this.#snapshots.onApplied(applied.entries);
      this.#proposals.onApplied(applied.entries, applied.results);
    }
  }

  /** Asks the state machine what may be asked now: never beside an apply that is under way. */
  #answerReads(): void {
    if (this.#applying) return;
    const { lastApplied } = this.#raft.state;
    this.#queries.answer(this.#reads.takeReadable(lastApplied), lastApplied);
  }

  /** What a change of role or of members means outside of the core. */
  #observe(now: number): void {
    const { state } = this.#raft;
    const { raft, transport } = this.#settings;
    const isLeader = state.role === "leader";
    if (this.#wasLeader && !isLeader)
      this.#proposals.onLeadershipEnded(now + raft.electionTimeoutMs);
    this.#wasLeader = isLeader;
    this.#proposals.onTime(now);
    const configuration = configurationOf(state);
    if (configuration !== this.#configuration) {
      this.#configuration = configuration;
      transport.setMembers(membersOf(configuration));
    }
  }

  /** One timer, moved only when something is due before it: a wake-up that comes early finds nothing to do. */
  #armTimer(now: number): void {
    const at = Math.min(this.#raft.deadline, this.#proposals.deadline);
    if (at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#settings.clock.setTimer(Math.max(0, at - now), () => {
      this.#timerAt = Infinity;
      this.#wantTurn();
    });
  }

  #track(task: Promise<unknown>): void {
    this.#underWay += 1;
    const end = (): void => {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    };
    task.then(end, end);
  }
}
