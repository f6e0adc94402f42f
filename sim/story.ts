/**
 * A run that went wrong, told in at most a screen of words: who was struck by what, who led, what was written and
 * committed, in the causal past of the violation. For shrunk runs; of a long one only what matters most is told.
 */

import { causalPast } from "./causal-past.ts";
import { counted } from "./counted.ts";
import { damageText, faultText, listText } from "./fault-words.ts";
import { idOf } from "./process.ts";
import { decisionsOf } from "./schedule-edits.ts";
import type { Schedule } from "./schedule.ts";
import type { ClientOperation, TraceEvent, Violation } from "./trace.ts";

const MAX_LINES = 24;

/** The more it matters, the longer it stays when there is too much to tell. */
const RANK = { aside: 0, client: 1, log: 2, candidacy: 3, role: 4, fault: 5 } as const;

interface Line {
  readonly timeUs: number;
  readonly rank: number;
  readonly text: string;
}

export function storyOf(
  schedule: Schedule,
  violation: Violation,
  events: readonly TraceEvent[],
): string {
  const teller = new Teller();
  for (const event of causalPast(events, nodesOf(schedule, violation))) teller.hear(event);
  const lines = fitted(teller.lines);
  const leftOut = teller.lines.length - lines.length;
  return [
    titleOf(schedule),
    ...lines.map(({ timeUs, text }) => `${stamp(timeUs)}  ${text}`),
    ...(leftOut > 0 ? [`            (${leftOut} smaller things are left out)`] : []),
    `${stamp(violation.timeUs)}  Then, at event ${violation.step}, ${violation.property} is violated:`,
    `            ${violation.text}`,
  ].join("\n");
}

function titleOf(schedule: Schedule): string {
  const { nodes, faults, operations, raft } = schedule;
  const off = [
    ...(raft.preVote === false ? ["PreVote"] : []),
    ...(raft.checkQuorum === false ? ["CheckQuorum"] : []),
  ];
  const parts = [counted(nodes, "node"), counted(faults.length, "fault")];
  const without = off.length > 0 ? `, without ${listText(off)}` : "";
  return `${[...parts, counted(operations.length, "operation")].join(", ")} (${counted(decisionsOf(schedule), "decision")})${without}:`;
}

/** Those that it names. One that names nobody is about all. */
export function nodesOf({ nodes }: Schedule, { node, text }: Violation): readonly number[] {
  const all = Array.from({ length: nodes }, (_, slot) => slot);
  const named = all.filter((slot) => slot === node || new RegExp(`\\b${idOf(slot)}\\b`).test(text));
  return named.length === 0 ? all : named;
}

class Teller {
  readonly lines: Line[] = [];
  readonly #leaders = new Set<number>();
  /** Of each candidate, who votes for it in its present term. */
  readonly #votes = new Map<number, { readonly term: number; readonly by: Set<number> }>();
  /** By the packet that is to bring it. */
  readonly #granted = new Map<number, { readonly term: number; readonly voter: number }>();
  /** What is under way of each fault, the oldest first: one may strike again before it has ended. */
  readonly #faults = new Map<number, string[]>();
  /** By whom the last line is, if it is a candidacy. */
  #candidate: { readonly node: number; readonly terms: number[] } | undefined;
  #committed = 0;

  hear(event: TraceEvent): void {
    switch (event.type) {
      case "start":
        if (event.incarnation > 1) this.#say(event, "fault", `${idOf(event.node)} is up again`);
        return;
      case "crash":
        return this.#onCrash(event);
      case "stop":
        return this.#say(event, "fault", `${idOf(event.node)} stops itself: ${event.text}`);
      case "role":
        return this.#onRole(event);
      case "append":
        return this.#onAppend(event);
      case "truncate":
        return this.#say(
          event,
          "log",
          `${idOf(event.node)} removes entry ${event.from} and all after it`,
        );
      case "commit":
        return this.#onCommit(event);
      case "snapshot-taken":
        return this.#say(event, "log", `${idOf(event.node)} takes a snapshot at ${event.index}`);
      case "snapshot-installed":
        return this.#say(
          event,
          "log",
          `${idOf(event.node)} installs the snapshot at ${event.index}`,
        );
      case "snapshot-restored":
        return this.#say(
          event,
          "aside",
          `${idOf(event.node)} restores its state at ${event.index}`,
        );
      case "send":
        if (event.message === "RequestVoteResponse" && event.text === "granted") {
          this.#granted.set(event.packet, { term: event.term, voter: event.node });
        }
        return;
      case "deliver":
        return this.#onDeliver(event);
      case "fault":
        return this.#onFault(event);
      case "damage":
        return this.#say(event, "fault", damageText(event.node, event));
      case "fault-end":
        return this.#onFaultEnd(event);
      case "invoke":
        return this.#say(
          event,
          "client",
          `c${event.operation.client + 1} asks to ${event.operation.call}`,
        );
      case "return":
        return this.#say(event, "client", returnText(event.operation));
      case "phase":
        if (event.phase === "safety") return;
        return this.#say(
          event,
          "fault",
          `all is healed and quiet; only ${listText(event.core.map(idOf))} take part`,
        );
      case "durable":
      case "apply":
      case "lose":
      case "violation":
        return;
    }
  }

  #onCrash(event: Extract<TraceEvent, { type: "crash" }>): void {
    const { node, lostBatches } = event;
    this.#leaders.delete(node);
    const lost = lostBatches > 0 ? ` and loses ${counted(lostBatches, "unsynced write")}` : "";
    this.#say(event, "fault", `${idOf(node)} crashes${lost}`);
  }

  #onRole(event: Extract<TraceEvent, { type: "role" }>): void {
    const { node, role, term } = event;
    const wasLeader = this.#leaders.delete(node);
    if (role === "candidate") {
      this.#votes.set(node, { term, by: new Set() });
      this.#onCandidate(event);
    } else if (role === "leader") {
      this.#leaders.add(node);
      const voters = [...(this.#votes.get(node)?.by ?? [])].toSorted((a, b) => a - b);
      const own = this.#takeOwnAppend(event);
      const by = voters.length > 0 ? ` with the vote of ${listText(voters.map(idOf))}` : "";
      this.#say(event, "role", `${idOf(node)} wins term ${term}${by}`);
      if (own !== undefined) this.#say(event, "log", own);
    } else if (wasLeader) {
      this.#say(event, "candidacy", `${idOf(node)} leads no more (term ${term})`);
    }
  }

  /** A new leader's first entry is told after its win, though both are seen at once. */
  #takeOwnAppend({ node, timeUs }: Extract<TraceEvent, { type: "role" }>): string | undefined {
    const last = this.lines.at(-1);
    const start = `${idOf(node)} has `;
    if (last?.timeUs !== timeUs || !last.text.startsWith(start)) return undefined;
    this.lines.pop();
    return `${idOf(node)} appends ${last.text.slice(start.length)}`;
  }

  /** One line for as often as it tries with nothing in between. */
  #onCandidate(event: Extract<TraceEvent, { type: "role" }>): void {
    const { node, term } = event;
    const before = this.#candidate;
    const terms = before?.node === node ? [...before.terms, term] : [term];
    if (before?.node === node) this.lines.pop();
    this.#say(event, "candidacy", `${idOf(node)} stands for ${rangeText(terms)}`);
    this.#candidate = { node, terms };
  }

  #onAppend(event: Extract<TraceEvent, { type: "append" }>): void {
    const { node, first, last } = event;
    const entries =
      first.index === last.index
        ? `entry ${first.index}.${first.term}`
        : `entries ${first.index}.${first.term} to ${last.index}.${last.term}`;
    const isLeader = this.#leaders.has(node);
    const text = `${idOf(node)} ${isLeader ? "appends" : "has"} ${entries}`;
    this.#say(event, isLeader ? "log" : "aside", text);
  }

  #onCommit(event: Extract<TraceEvent, { type: "commit" }>): void {
    const { node, index } = event;
    const isNew = index > this.#committed;
    this.#committed = Math.max(index, this.#committed);
    this.#say(event, isNew ? "log" : "aside", `${idOf(node)} commits up to ${index}`);
  }

  #onDeliver({ node, packet }: Extract<TraceEvent, { type: "deliver" }>): void {
    const vote = this.#granted.get(packet);
    const election = this.#votes.get(node);
    // One of an older term comes late, and counts for nothing.
    if (vote !== undefined && vote.term === election?.term) election.by.add(vote.voter);
  }

  #onFault(event: Extract<TraceEvent, { type: "fault" }>): void {
    const { action, nodes, fault } = event;
    const text = faultText(action, nodes);
    // A crash tells of itself.
    if (action.type === "crash" || action.type === "crash-many") return;
    const underWay = this.#faults.get(fault);
    if (underWay === undefined) this.#faults.set(fault, [text]);
    else underWay.push(text);
    this.#say(event, "fault", text);
  }

  #onFaultEnd(event: Extract<TraceEvent, { type: "fault-end" }>): void {
    const text = this.#faults.get(event.fault)?.shift();
    if (text !== undefined) this.#say(event, "fault", `no longer: ${text}`);
  }

  #say({ timeUs }: TraceEvent, rank: keyof typeof RANK, text: string): void {
    this.#candidate = undefined;
    this.lines.push({ timeUs, rank: RANK[rank], text });
  }
}

function fitted(lines: readonly Line[]): readonly Line[] {
  const excess = lines.length - MAX_LINES;
  if (excess <= 0) return lines;
  const least = lines.toSorted((a, b) => a.rank - b.rank || a.timeUs - b.timeUs).slice(0, excess);
  const dropped = new Set(least);
  return lines.filter((line) => !dropped.has(line));
}

/** What came of an operation, in short. */
export function returnText({
  client,
  call,
  outcome,
  index,
  error,
  answer,
}: ClientOperation): string {
  const who = `c${client + 1}'s ${call}`;
  if (outcome === "ok") return `${who} ${answer ?? "is answered"} at ${index}`;
  return `${who} has the outcome "${outcome}" (${error ?? "no answer"})`;
}

function rangeText(terms: readonly number[]): string {
  const [first, last] = [terms[0] ?? 0, terms.at(-1) ?? 0];
  if (terms.length === 1) return `term ${first}`;
  return terms.length === 2 ? `terms ${first} and ${last}` : `the terms ${first} to ${last}`;
}

function stamp(timeUs: number): string {
  return `${(timeUs / 1000).toFixed(1)} ms`.padStart(10);
}
