/**
 * A client of any state machine: finds the leader, follows hints, and tries again what was certainly rejected. A command
 * that may have got through is never sent twice: without a session it could take effect twice.
 */

import { RaftError } from "../../src/errors.ts";
import type { LeaderHint, RaftErrorCode } from "../../src/errors.ts";
import type { ClientLink, Connection } from "../../src/transport/transport.ts";
import type { SimClock } from "../clock.ts";
import type { Rng } from "../random.ts";
import type { ClientPlan } from "../schedule.ts";
import type { Scheduler } from "../scheduler.ts";
import type { Request } from "./operation.ts";
import { numberIn, requestFrame } from "./service.ts";
import type { Exchange, Reply } from "./service.ts";

export interface OwnClientParts {
  readonly link: ClientLink;
  readonly clock: SimClock;
  readonly scheduler: Scheduler;
  readonly exchange: Exchange;
  readonly rng: Rng;
  readonly plan: ClientPlan;
  readonly addresses: readonly string[];
}

export type Done = Extract<Reply, { type: "done" }>;

/** What one attempt came to: `"unsent"`: it never reached a member; `"lost"`: nobody knows. */
type Attempt = Reply | { readonly type: "unsent" | "lost" };

/** No other member and no later time would make a difference. */
const HOPELESS: readonly RaftErrorCode[] = [
  "RAFT_TOO_LARGE",
  "RAFT_INVALID_COMMAND",
  "RAFT_INVALID_OPTION",
  "RAFT_QUERY_FAILED",
];

/** Between attempts; it doubles up to here. */
const LONGEST_WAIT_MS = 400;

export class OwnClient {
  readonly #parts: OwnClientParts;
  #leader: LeaderHint | undefined;

  constructor(parts: OwnClientParts) {
    this.#parts = parts;
  }

  /** Rejects with a `RaftError`: see `isOfFaults`. */
  async call(request: Request, deadlineMs: number): Promise<Done> {
    const { clock, plan, rng, addresses } = this.#parts;
    const endMs = clock.now() + deadlineMs;
    let cause: RaftError | undefined;
    let waitMs = plan.retryBaseMs;
    for (;;) {
      const leftMs = endMs - clock.now();
      if (leftMs <= 0) {
        const text = `nobody has taken it within ${deadlineMs} ms`;
        throw new RaftError("RAFT_TIMEOUT", text, { cause });
      }
      const address = this.#leader?.address ?? rng.pick(addresses);
      const timeoutMs = Math.min(plan.attemptTimeoutMs, leftMs);
      const attempt = await this.#attempt(request, address, timeoutMs);
      if (attempt.type === "done") return attempt;
      const leader = attempt.type === "failed" ? attempt.error.leader : undefined;
      if (attempt.type === "failed") {
        const { error } = attempt;
        const isUnknown = request.type === "propose" && error.outcome === "unknown";
        if (isUnknown || HOPELESS.includes(error.code)) throw error;
        cause = error;
      } else if (attempt.type === "lost" && request.type === "propose") {
        const text = "the member was asked and has not answered";
        throw new RaftError("RAFT_CONNECTION_LOST", text, { outcome: "unknown" });
      }
      // A hint that says anything new is followed at once.
      const isNew = leader !== undefined && leader.address !== address;
      this.#leader = leader;
      if (isNew) continue;
      await this.sleep(waitMs + rng.below(waitMs));
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    }
  }

  sleep(ms: number): Promise<void> {
    const { clock, scheduler } = this.#parts;
    return new Promise((resolve) => {
      clock.setTimer(ms, () => {
        scheduler.wantDrain();
        resolve();
      });
    });
  }

  #attempt(request: Request, address: string, timeoutMs: number): Promise<Attempt> {
    const { link, clock, scheduler, exchange } = this.#parts;
    const number = exchange.open(request);
    const giveUp = new AbortController();
    return new Promise((resolve) => {
      let connection: Connection | undefined;
      let isOver = false;
      const end = (): void => {
        if (isOver) return;
        isOver = true;
        timer.cancel();
        scheduler.wantDrain();
        const reply = exchange.close(number);
        resolve(reply ?? { type: connection === undefined ? "unsent" : "lost" });
        if (connection === undefined) giveUp.abort();
        else connection.close();
      };
      const timer = clock.setTimer(timeoutMs, end);
      const onFrame = (frame: Uint8Array): void => {
        if (numberIn(frame) === number) end();
      };
      link.connect(address, { onFrame, onClose: end }, giveUp.signal).then((opened) => {
        if (isOver) return opened.close();
        connection = opened;
        opened.send(requestFrame(number, request));
      }, end);
    });
  }
}

/** Whether a call that rejects with this has met nothing but faults: its request itself is not to blame. */
export function isOfFaults({ code }: RaftError): boolean {
  return !HOPELESS.includes(code);
}
