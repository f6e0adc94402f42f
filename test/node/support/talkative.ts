/**
 * A state machine and sinks that call their node back while it calls them, and keep count: what is applied, what was
 * asked and how it was answered, and whatever was not as promised.
 */

import { strict as assert } from "node:assert";
import type { RaftError } from "../../../src/errors.ts";
import type { RaftNode } from "../../../src/node/node.ts";
import type { AppliedCommand, StateMachine } from "../../../src/node/state-machine.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

export type Kind = "command" | "read" | "local";
/** What somebody who is called does at once. */
export type Reply = "nothing" | Kind | "wait" | "stop";

export interface Question {
  readonly kind: Kind;
  /** What the sink does when it is told of the outcome, and the state machine when it comes to this one. */
  readonly onDone: Reply;
  readonly onFailed: Reply;
  readonly within: Reply;
}

/** How long an `apply` takes: no promise at all, one that settles at once, or so many milliseconds. */
export type ApplyMs = "none" | number;

interface Asked extends Question {
  /** Somebody was told before that everything up to here is applied. */
  readonly known: number;
  readonly outcomes: ("done" | RaftError["outcome"])[];
}

const QUIET = { onDone: "nothing", onFailed: "nothing", within: "nothing" } as const;

/** One on which `soon` comes only after so many rounds of what is deferred, or with the promises. */
export class UnhurriedClock extends VirtualClock {
  readonly #rounds: number;

  constructor(rounds: number) {
    super();
    this.#rounds = rounds;
  }

  override soon(callback: () => void): void {
    const later = (rounds: number): void => {
      if (rounds === 0) callback();
      else this.defer(() => later(rounds - 1));
    };
    if (this.#rounds === 0) super.soon(callback);
    else later(this.#rounds);
  }
}

export class Talkative implements StateMachine<number, number, number> {
  readonly asked: Asked[] = [];
  readonly waits: { readonly index: number; isSettled: boolean }[] = [];
  readonly problems: string[] = [];
  wasToldToStop = false;
  readonly #clock: VirtualClock;
  readonly #applyMs: readonly ApplyMs[];
  /** Where each command was applied, by its token. */
  readonly #applied = new Map<number, number>();
  #node: RaftNode<number, number, number> | undefined;
  #applies = 0;
  #lastApplied = 0;
  #known = 0;
  #isApplying = false;
  #isStopped = false;

  constructor(clock: VirtualClock, applyMs: readonly ApplyMs[]) {
    this.#clock = clock;
    this.#applyMs = applyMs;
  }

  get node(): RaftNode<number, number, number> {
    assert(this.#node !== undefined, "it has a node before it is called");
    return this.#node;
  }

  set node(node: RaftNode<number, number, number>) {
    this.#node = node;
  }

  ask(question: Question): void {
    const token = this.asked.push({ ...question, known: this.#known, outcomes: [] }) - 1;
    const sink = {
      done: (at: number, index: number, value: number) => this.#onDone(at, index, value),
      failed: (at: number, error: RaftError) => this.#onFailed(at, error),
    };
    if (question.kind === "command") this.node.submit(Buffer.from([token]), sink, token);
    else {
      const consistency = question.kind === "read" ? "linearizable" : "local";
      this.node.submitRead(token, sink, token, consistency);
    }
  }

  stop(): Promise<void> {
    this.wasToldToStop = true;
    const stopped = this.node.stop().then(() => void (this.#isStopped = true));
    this.#check(this.node.status().leader === undefined, "who is told to stop knows a leader");
    return stopped;
  }

  /** What is not answered although nothing is under way any more. */
  get overdue(): readonly string[] {
    const asked = this.asked.filter(({ outcomes }) => outcomes.length === 0);
    const waits = this.waits.filter((wait) => !wait.isSettled && wait.index <= this.#lastApplied);
    return [...asked.map(({ kind }) => kind), ...waits.map(({ index }) => `wait for ${index}`)];
  }

  /** Once all is over. */
  settleUp(): void {
    for (const [token, { kind, outcomes }] of this.asked.entries()) {
      this.#check(outcomes.length === 1, `${kind} ${token} was answered ${outcomes.join()}`);
      const isRejected = kind === "command" && outcomes[0] === "rejected";
      this.#check(!isRejected || !this.#applied.has(token), `${token} was rejected, and applied`);
    }
    for (const { isSettled } of this.waits) this.#check(isSettled, "somebody waits for ever");
  }

  apply(commands: readonly AppliedCommand[]): readonly number[] | Promise<readonly number[]> {
    this.#check(!this.#isApplying, "two are applied at a time");
    this.#check(!this.#isStopped, "something is applied after the stop");
    this.#isApplying = true;
    const ms = this.#applyMs[this.#applies % this.#applyMs.length] ?? "none";
    this.#applies += 1;
    if (ms === "none") return this.#take(commands);
    if (ms === 0) return Promise.resolve().then(() => this.#take(commands));
    return new Promise((resolve) => this.#clock.setTimer(ms, () => resolve(this.#take(commands))));
  }

  query(token: number): number | Promise<number> {
    this.#check(!this.#isApplying, "a query is asked beside an apply");
    this.#check(!this.#isStopped, "a query is asked after the stop");
    const answer = this.#lastApplied;
    this.#reply(this.asked[token]?.within);
    return token % 4 === 0 ? Promise.resolve(answer) : answer;
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    this.#check(!this.#isApplying, "a snapshot is captured beside an apply");
    yield Buffer.from(`${this.#lastApplied}`);
    await new Promise<void>((resolve) => this.#clock.setTimer(3, resolve));
    yield Buffer.from("and more");
  }

  restore(): Promise<void> {
    return Promise.reject(new Error("nobody restarts it"));
  }

  #take(commands: readonly AppliedCommand[]): readonly number[] {
    const tokens = commands.map(({ index, payload: [token = 0] }) => {
      this.#check(index > this.#lastApplied, `${index} is applied after ${this.#lastApplied}`);
      this.#lastApplied = index;
      this.#applied.set(token, index);
      this.#reply(this.asked[token]?.within);
      return token;
    });
    this.#isApplying = false;
    return tokens;
  }

  #onDone(token: number, index: number, value: number): void {
    const { kind, known, onDone } = this.#heard(token, "done");
    this.#check(!this.#isStopped, `a ${kind} is done after the stop`);
    if (kind === "command") {
      const isRight = this.#applied.get(token) === index && value === token;
      this.#check(isRight, `${token} was not applied at ${index}`);
      this.#known = Math.max(this.#known, index);
    } else {
      this.#check(value <= index, `a ${kind} saw ${value}, and says ${index}`);
      this.#check(kind === "local" || index >= known, `a read of ${index} after ${known}`);
      this.#known = Math.max(this.#known, value);
    }
    this.#reply(onDone);
  }

  #onFailed(token: number, error: RaftError): void {
    const { kind, onFailed } = this.#heard(token, error.outcome);
    this.#check(this.wasToldToStop, `a ${kind} has failed: ${error.message}`);
    this.#reply(onFailed);
  }

  #heard(token: number, outcome: "done" | RaftError["outcome"]): Asked {
    const asked = this.asked[token];
    assert(asked !== undefined, "it was asked before it is answered");
    asked.outcomes.push(outcome);
    return asked;
  }

  #reply(reply: Reply = "nothing"): void {
    if (reply === "nothing") return;
    if (reply === "stop") return void this.stop();
    if (reply !== "wait") return this.ask({ kind: reply, ...QUIET });
    const wait = { index: this.#lastApplied + 1, isSettled: false };
    this.waits.push(wait);
    const settled = (): void => void (wait.isSettled = true);
    this.node.waitForApplied(wait.index).then(settled, settled);
  }

  #check(isSo: boolean, problem: string): void {
    if (!isSo) this.problems.push(problem);
  }
}
