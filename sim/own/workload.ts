/** Runs the user's workload: each planned operation of the schedule is one call of it, with randomness of its own. */

import type { Answered, Applied, ReadOptions } from "../../src/node/node.ts";
import type { StateMachine } from "../../src/node/state-machine.ts";
import { isRaftError, RaftError } from "../../src/errors.ts";
import type { FinalCall, Workload, WorkloadWorld } from "../application.ts";
import { SimClientLink } from "../client-link.ts";
import { Oscillator, SimClock } from "../clock.ts";
import { addressOf } from "../process.ts";
import { Rng } from "../random.ts";
import type { ClientPlan } from "../schedule.ts";
import type { Actor } from "../scheduler.ts";
import { onTime } from "../timetable.ts";
import { isOfFaults, OwnClient } from "./client.ts";
import type { Done } from "./client.ts";
import { kept, requestText, valueText } from "./operation.ts";
import type { OwnOperation, Request } from "./operation.ts";
import type { OwnOptions, SimulatedClient } from "./options.ts";
import type { Exchange } from "./service.ts";
import { NEVER } from "./settles.ts";

export interface OwnWorkloadParts {
  readonly world: WorkloadWorld<OwnOperation>;
  readonly workload: OwnOptions["workload"];
  readonly model: unknown;
  readonly exchange: Exchange;
  /** The workload has thrown. */
  readonly onThrow: (error: unknown, client: number) => void;
  /** A call of the workload asks for more and more. */
  readonly onEndless: (text: string) => void;
}

interface Client {
  readonly number: number;
  readonly calls: OwnClient;
}

/** One call of the workload. */
interface Call {
  readonly client: Client;
  readonly deadlineMs: number;
  /** Errors that it may let through. */
  readonly excused: Set<unknown>;
  /** How often it has proposed, read or slept. */
  asked: number;
}

/** Calls that nobody planned are numbered from here. */
const FIRST_UNPLANNED = 1_000_000;

const UNENDED = `the workload has not ended: it, or the machine, waits for ${NEVER}`;

/** So often a call may ask. One that asks for more is taken for a loop without end: it would keep the run from its own. */
const MOST_ASKED = 500;
const ENDLESS = `has proposed, read or slept ${MOST_ASKED} times and goes on: a call must end, and the next will come by itself`;

export class OwnWorkload implements Workload<OwnOperation> {
  readonly history: OwnOperation[] = [];
  readonly #parts: OwnWorkloadParts;
  readonly #clients: Client[] = [];
  #unplanned = FIRST_UNPLANNED;

  constructor(parts: OwnWorkloadParts) {
    this.#parts = parts;
    for (const plan of parts.world.schedule.clients) this.#clients.push(this.#connect(plan));
  }

  start(): void {
    const { schedule, scheduler } = this.#parts.world;
    onTime(scheduler, schedule.operations, ({ id, client, deadlineMs }) => {
      const who = this.#clients[client % Math.max(1, this.#clients.length)];
      if (who !== undefined) void this.#call(who, id, deadlineMs);
    });
  }

  burst(slot: number, count: number): void {
    const plan: ClientPlan = { stuckTo: slot, attemptTimeoutMs: 200, retryBaseMs: 20 };
    const client = this.#connect(plan);
    this.#clients.push(client);
    for (let n = 0; n < count; n += 1) void this.#call(client, this.#unplanned++, 300);
  }

  callByAll(deadlineMs: number): readonly FinalCall[] {
    const { clients } = this.#parts.world.schedule;
    const free = this.#clients.filter(({ number }) => {
      const plan = clients[number];
      return plan !== undefined && plan.stuckTo === undefined;
    });
    return free.map((client) => {
      const final = { client: client.number, outcome: undefined, error: undefined, doubt: UNENDED };
      void this.#callUntilDone(client, final, deadlineMs);
      return final;
    });
  }

  /** What nobody knows the outcome of is not tried again by itself: the workload is called anew. */
  async #callUntilDone(client: Client, final: FinalCall, deadlineMs: number): Promise<void> {
    const { scheduler } = this.#parts.world;
    const endUs = scheduler.nowUs + deadlineMs * 1000;
    for (;;) {
      const leftMs = (endUs - scheduler.nowUs) / 1000;
      const error = await this.#call(client, this.#unplanned++, leftMs);
      const isLate = scheduler.nowUs >= endUs;
      if (error !== undefined && !isLate) continue;
      final.error = error?.code;
      final.outcome = error === undefined ? "ok" : error.outcome;
      return;
    }
  }

  #connect(plan: ClientPlan): Client {
    const { world, exchange } = this.#parts;
    const { scheduler, network } = world;
    const { seed, nodes } = world.schedule;
    const number = this.#clients.length;
    const actor: Actor = { slot: nodes + number, isAlive: true, gateUs: 0 };
    const rng = new Rng(seed, `client ${number}`);
    const addresses = Array.from({ length: nodes }, (_, slot) => addressOf(slot));
    const resolve = (address: string): number | undefined => {
      const slot = plan.stuckTo ?? addresses.indexOf(address);
      return slot >= 0 && slot < nodes ? slot : undefined;
    };
    const calls = new OwnClient({
      link: new SimClientLink({ clients: network, actor, seed, resolve }),
      clock: new SimClock(scheduler, new Oscillator(scheduler, 0, 0), actor, rng),
      scheduler,
      exchange,
      rng,
      plan,
      addresses,
    });
    return { number, calls };
  }

  /** Resolves with the error of faults that it ended with; never, where it threw anything else. */
  #call(client: Client, id: number, deadlineMs: number): Promise<RaftError | undefined> {
    const { workload, model, world, onThrow } = this.#parts;
    const call: Call = { client, deadlineMs, excused: new Set(), asked: 0 };
    const context: SimulatedClient<StateMachine, unknown> = {
      client: client.number,
      model,
      random: new Rng(world.schedule.seed, `call ${id}`),
      propose: (command) => this.#bounded(call, () => this.#propose(call, command)),
      read: (query, options) => this.#bounded(call, () => this.#read(call, query, options)),
      sleep: (ms) => this.#bounded(call, () => sleep(client, ms)),
    };
    world.scheduler.wantDrain();
    return new Promise((resolve) => {
      const onEnd = (error: unknown): void => {
        if (error === undefined || (isRaftError(error) && call.excused.has(error))) resolve(error);
        else onThrow(error, client.number);
      };
      // An exception of a function that is not asynchronous, too.
      new Promise((settle) => settle(workload(context))).then(
        () => onEnd(undefined),
        (error: unknown) => onEnd(error ?? new Error(`the workload has thrown ${String(error)}`)),
      );
    });
  }

  /** A loop that awaits what it asks for ends at a promise that never settles, one that does not at an exception. */
  #bounded<Value>(call: Call, ask: () => Promise<Value>): Promise<Value> {
    call.asked += 1;
    if (call.asked <= MOST_ASKED) return ask();
    const text = `a call of c${call.client.number + 1} ${ENDLESS}`;
    this.#parts.onEndless(text);
    if (call.asked > MOST_ASKED + 1) throw new RangeError(text);
    return new Promise(() => undefined);
  }

  async #propose(call: Call, command: Uint8Array): Promise<Applied<unknown>> {
    if (!(command instanceof Uint8Array)) {
      const text = `a command is a Uint8Array, not ${typeof command}: encode it first`;
      throw new RaftError("RAFT_INVALID_COMMAND", text);
    }
    const request = { type: "propose", command: new Uint8Array(command) } as const;
    const { index, value: result } = await this.#ask(call, request);
    return { index, result };
  }

  async #read(
    call: Call,
    query: unknown,
    { consistency = "linearizable" }: ReadOptions = {},
  ): Promise<Answered<unknown>> {
    const { index, value: answer } = await this.#ask(call, { type: "read", query, consistency });
    return { index, answer };
  }

  async #ask({ client, deadlineMs, excused }: Call, request: Request): Promise<Done> {
    const { scheduler, onInvoke, onReturn } = this.#parts.world;
    const operation: OwnOperation = {
      id: this.history.length,
      client: client.number,
      call: requestText(request),
      request,
      value: undefined,
      startStep: scheduler.steps,
      startUs: scheduler.nowUs,
      endStep: undefined,
      outcome: undefined,
      error: undefined,
      index: undefined,
      answer: undefined,
    };
    this.history.push(operation);
    onInvoke(operation);
    scheduler.wantDrain();
    const end = (outcome: OwnOperation["outcome"]): void => {
      operation.outcome = outcome;
      operation.endStep = scheduler.steps;
      onReturn(operation);
    };
    try {
      const done = await client.calls.call(request, deadlineMs);
      operation.index = done.index;
      operation.value = kept(done.value);
      operation.answer = `${request.type === "read" ? "finds" : "is applied, with"} ${valueText(done.value)}`;
      end("ok");
      return done;
    } catch (error) {
      if (!isRaftError(error)) throw error;
      if (isOfFaults(error)) excused.add(error);
      operation.error = error.code;
      end(error.outcome);
      throw error;
    }
  }
}

/** A time that is none would hold up the queue of events for ever. */
async function sleep({ calls }: Client, ms: number): Promise<void> {
  if (typeof ms === "number" && ms >= 0) return calls.sleep(ms);
  throw new RangeError(`sleep takes at least 0 milliseconds, not ${ms}`);
}
