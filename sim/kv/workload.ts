/**
 * The clients: the shipped one, each with its own plan and habits. Values are written once ever, so that whoever reads one
 * knows whose it is.
 */

import { isRaftError } from "../../src/errors.ts";
import { KvClient } from "../../src/kv/client.ts";
import type { KvRead, KvWrite } from "../../src/kv/client.ts";
import type { KvValue } from "../../src/kv/commands.ts";
import { Oscillator, SimClock } from "../clock.ts";
import { SimClientLink } from "../client-link.ts";
import { addressOf } from "../process.ts";
import { Rng } from "../random.ts";
import type { ClientPlan, OperationType } from "../schedule.ts";
import type { Actor } from "../scheduler.ts";
import { onTime } from "../timetable.ts";
import type { Workload, WorkloadWorld } from "../application.ts";
import { answerText, callText } from "./operation.ts";
import type { KvOperation } from "./operation.ts";

interface Client {
  readonly number: number;
  readonly actor: Actor;
  readonly kv: KvClient;
  /** What this client read last of each key: what it expects there. */
  readonly seen: Map<string, KvValue | undefined>;
}

/** Operations that nobody planned are numbered from here. */
const FIRST_UNPLANNED = 1_000_000;

export class KvWorkload implements Workload<KvOperation> {
  readonly history: KvOperation[] = [];
  readonly #world: WorkloadWorld<KvOperation>;
  readonly #clients: Client[] = [];
  #unplanned = FIRST_UNPLANNED;

  constructor(world: WorkloadWorld<KvOperation>) {
    this.#world = world;
    for (const plan of world.schedule.clients)
      this.#clients.push(this.#connect(plan, this.#clients.length));
  }

  /** Puts all that is planned on the timetable. */
  start(): void {
    const { schedule, scheduler } = this.#world;
    onTime(scheduler, schedule.operations, ({ client, type, key, deadlineMs, id, bytes }) => {
      const who = this.#clients[client % Math.max(1, this.#clients.length)];
      if (who !== undefined) this.#call(who, id, type, `k${key}`, deadlineMs, bytes);
    });
  }

  /** A client that goes straight to one node writes there. */
  burst(slot: number, count: number): void {
    const plan: ClientPlan = { stuckTo: slot, attemptTimeoutMs: 200, retryBaseMs: 20 };
    const client = this.#connect(plan, this.#clients.length);
    this.#clients.push(client);
    for (let n = 0; n < count; n += 1) this.#call(client, this.#unplanned++, "put", "burst", 300);
  }

  /** A write and a linearizable read by every client that goes where it is sent; filled in as they end. */
  callByAll(deadlineMs: number): readonly KvOperation[] {
    const free = this.#clients.filter(({ number }) => {
      const plan = this.#world.schedule.clients[number];
      return plan !== undefined && plan.stuckTo === undefined;
    });
    const types = ["put", "get"] as const;
    return free.flatMap((client) =>
      types.map((type) =>
        this.#call(client, this.#unplanned++, type, `final${client.number}`, deadlineMs),
      ),
    );
  }

  #connect(plan: ClientPlan, number: number): Client {
    const { scheduler, network } = this.#world;
    const { seed, nodes } = this.#world.schedule;
    const actor: Actor = { slot: nodes + number, isAlive: true, gateUs: 0 };
    const rng = new Rng(seed, `client ${number}`);
    const clock = new SimClock(scheduler, new Oscillator(scheduler, 0, 0), actor, rng);
    const addresses = Array.from({ length: nodes }, (_, slot) => addressOf(slot));
    const kv = KvClient.connect({
      endpoints: addresses,
      link: new SimClientLink({
        clients: network,
        actor,
        seed,
        resolve: (address) => {
          const slot = plan.stuckTo ?? addresses.indexOf(address);
          return slot >= 0 && slot < nodes ? slot : undefined;
        },
      }),
      clock,
      random: () => rng.fraction(),
      attemptTimeoutMs: plan.attemptTimeoutMs,
      retryBaseMs: plan.retryBaseMs,
      retryMaxMs: 400,
      maxPending: 1000,
    });
    return { number, actor, kv, seen: new Map() };
  }

  #call(
    client: Client,
    id: number,
    type: OperationType,
    key: string,
    deadlineMs: number,
    bytes: number = 0,
  ): KvOperation {
    const { scheduler, onInvoke } = this.#world;
    const ofKey = type === "increment" ? `count-${key}` : key;
    const seen = client.seen.get(ofKey);
    const asked = {
      type,
      key: ofKey,
      value: valueOf(type, id, bytes),
      expected: type === "cas" && typeof seen === "string" ? seen : undefined,
    };
    const operation: KvOperation = {
      id,
      client: client.number,
      ...asked,
      call: callText(asked),
      startStep: scheduler.steps,
      startUs: scheduler.nowUs,
      endStep: undefined,
      outcome: undefined,
      error: undefined,
      index: undefined,
      status: undefined,
      found: undefined,
      foundIndex: undefined,
      answer: undefined,
    };
    this.history.push(operation);
    scheduler.wantDrain();
    onInvoke(operation);
    run(client.kv, operation, deadlineMs).then(
      (done) => this.#end(client, operation, done),
      (error: unknown) => this.#fail(operation, error),
    );
    return operation;
  }

  #end(client: Client, operation: KvOperation, done: KvRead | KvWrite): void {
    operation.outcome = "ok";
    operation.index = done.index;
    if ("status" in done) {
      operation.status = done.status;
      operation.found = plain(done.previous?.value);
      operation.foundIndex = done.previous?.index;
      if (done.status === "ok") client.seen.set(operation.key, operation.value);
    } else {
      operation.found = plain(done.value);
      operation.foundIndex = done.modifiedIndex;
      client.seen.set(operation.key, done.value);
    }
    operation.answer = answerText(operation);
    this.#return(operation);
  }

  #fail(operation: KvOperation, error: unknown): void {
    operation.outcome = isRaftError(error) ? error.outcome : "unknown";
    operation.error = isRaftError(error) ? error.code : String(error);
    this.#return(operation);
  }

  #return(operation: KvOperation): void {
    operation.endStep = this.#world.scheduler.steps;
    this.#world.onReturn(operation);
  }
}

function run(kv: KvClient, operation: KvOperation, deadlineMs: number): Promise<KvRead | KvWrite> {
  const { type, key, value, expected } = operation;
  const limits = { deadlineMs };
  // The checks look at what every write has found.
  const write = { deadlineMs, previous: true };
  switch (type) {
    case "get":
      return kv.get(key, limits);
    case "local-get":
      return kv.get(key, { deadlineMs, consistency: "local" });
    case "put":
      return kv.put(key, value ?? "", write);
    case "cas":
      return kv.compareAndSet(
        key,
        expected === undefined ? { type: "absent" } : { type: "value", value: expected },
        value,
        write,
      );
    case "delete":
      return kv.delete(key, write);
    case "append":
      return kv.append(key, String(value), write);
    case "increment":
      return kv.increment(key, Number(value), limits);
  }
}

/** Text that no other operation writes. */
function valueOf(type: OperationType, id: number, bytes: number): string | number | undefined {
  switch (type) {
    case "put":
    case "cas":
    case "append":
      return `${id};`.padEnd(bytes, ".");
    case "increment":
      return 1;
    case "get":
    case "local-get":
    case "delete":
      return undefined;
  }
}

function plain(value: KvValue | undefined): string | number | undefined {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
