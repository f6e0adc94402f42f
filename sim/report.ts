/**
 * One run as one page that needs nothing else, no network and no build: nodes as lanes, time across, messages as arrows,
 * terms and roles by colour, faults as shaded spans, the failed check marked. Here the events become what the page draws;
 * how it is drawn is in `report-page.ts` and `report-script.ts`.
 */

import { causalPast } from "./causal-past.ts";
import { counted } from "./counted.ts";
import { damageText, faultText } from "./fault-words.ts";
import { idOf } from "./process.ts";
import { reportPage } from "./report-page.ts";
import type { Outcome } from "./simulation.ts";
import { nodesOf, returnText, storyOf } from "./story.ts";
import type { TraceEvent, Violation } from "./trace.ts";

/** Times in microseconds; lists of lists to keep a page small: a run has tens of thousands of messages. */
export interface ReportData {
  readonly title: string;
  readonly endUs: number;
  readonly nodes: readonly string[];
  readonly violation: Violation | undefined;
  readonly story: string;
  readonly command: string;
  /** When the faults end and the liveness phase begins. */
  readonly calmUs: number | undefined;
  readonly spans: readonly NodeSpan[];
  readonly messages: readonly MessageRow[];
  readonly marks: readonly MarkRow[];
  readonly faults: readonly FaultSpan[];
  readonly operations: readonly OperationSpan[];
}

/** A node in one role and term. */
interface NodeSpan {
  readonly node: number;
  readonly fromUs: number;
  toUs: number;
  readonly role: string;
  readonly term: number;
}

type MessageRow = [
  from: number,
  to: number,
  sentUs: number,
  /** When it arrived or was lost; 0: under way at the end. */
  endUs: number,
  type: string,
  text: string,
  /** Why it was lost; empty: it was not. */
  lost: string,
  /** 1: in the causal past of the violation. */
  past: number,
];

type MarkRow = [node: number, timeUs: number, type: string, text: string, value: number];

interface FaultSpan {
  readonly fromUs: number;
  toUs: number;
  readonly type: string;
  readonly text: string;
  /** Of which lanes it is shown. */
  readonly nodes: readonly number[];
}

interface OperationSpan {
  readonly client: number;
  readonly fromUs: number;
  toUs: number;
  outcome: string;
  text: string;
}

/** What a run is called, and how it is done again. */
export interface RunName {
  readonly name: string;
  readonly command: string;
}

/** A page of HTML. */
export function reportHtml(outcome: Outcome, events: readonly TraceEvent[], run: RunName): string {
  return reportPage(reportData(outcome, events, run));
}

function reportData(
  { schedule, violation, simulatedMs }: Outcome,
  events: readonly TraceEvent[],
  { name, command }: RunName,
): ReportData {
  const past =
    violation === undefined
      ? new Set(events)
      : new Set(causalPast(events, nodesOf(schedule, violation)));
  const endUs = Math.max(events.at(-1)?.timeUs ?? 0, violation?.timeUs ?? simulatedMs * 1000, 1000);
  const collector = new Collector(schedule.nodes, endUs);
  for (const event of events) collector.hear(event, past.has(event));
  const calm = events.find((event) => event.type === "phase" && event.phase === "liveness");
  return {
    title: `quorate simulation: ${name}, profile ${schedule.profile}, ${counted(schedule.nodes, "node")}`,
    endUs,
    nodes: Array.from({ length: schedule.nodes }, (_, slot) => idOf(slot)),
    violation,
    story: violation === undefined ? "" : storyOf(schedule, violation, events),
    command,
    calmUs: calm?.timeUs,
    spans: collector.spans,
    messages: collector.messages,
    marks: collector.marks,
    faults: collector.faults,
    operations: [...collector.operations.values()],
  };
}

class Collector {
  readonly spans: NodeSpan[] = [];
  readonly messages: MessageRow[] = [];
  readonly marks: MarkRow[] = [];
  readonly faults: FaultSpan[] = [];
  readonly operations = new Map<number, OperationSpan>();
  readonly #endUs: number;
  readonly #current: (NodeSpan | undefined)[];
  /** As they are on the disk: what a restart begins from. */
  readonly #terms: number[];
  readonly #packets = new Map<number, MessageRow>();
  readonly #lasting = new Map<number, FaultSpan[]>();

  constructor(nodes: number, endUs: number) {
    this.#endUs = endUs;
    this.#current = Array.from({ length: nodes }, () => undefined);
    this.#terms = Array.from({ length: nodes }, () => 0);
  }

  hear(event: TraceEvent, isPast: boolean): void {
    const { timeUs } = event;
    switch (event.type) {
      case "start":
        this.#enter(event.node, timeUs, "follower", this.#terms[event.node] ?? 0);
        if (event.incarnation > 1) this.#mark(event.node, timeUs, "start", "is up again");
        return;
      case "crash":
        this.#leave(event.node, timeUs);
        return this.#mark(event.node, timeUs, "crash", lossText(event.lostBatches));
      case "stop":
        return this.#mark(event.node, timeUs, "stop", `stops itself: ${event.text}`);
      case "role":
        return this.#enter(event.node, timeUs, event.role, event.term);
      case "append": {
        const { node, first, last } = event;
        const text = `appends ${first.index}.${first.term} to ${last.index}.${last.term}`;
        return this.#mark(node, timeUs, "append", text, last.index);
      }
      case "truncate":
        return this.#mark(
          event.node,
          timeUs,
          "truncate",
          `removes entries from ${event.from} on`,
          event.from - 1,
        );
      case "durable":
        this.#terms[event.node] = event.term;
        return this.#mark(event.node, timeUs, "durable", "is durable up to", event.lastIndex);
      case "commit":
        return this.#mark(
          event.node,
          timeUs,
          "commit",
          `commits up to ${event.index}`,
          event.index,
        );
      case "apply":
        return this.#mark(event.node, timeUs, "apply", `has applied ${event.index}`, event.index);
      case "snapshot-taken":
      case "snapshot-installed":
      case "snapshot-restored": {
        const text = `${event.type.replace("-", " ")} at ${event.index}`;
        return this.#mark(event.node, timeUs, "snapshot", text, event.index);
      }
      case "send":
        return this.#onSend(event);
      case "deliver":
        return this.#onEnd(event.packet, timeUs, "", isPast);
      case "lose":
        return this.#onEnd(event.packet, timeUs, event.reason, false);
      case "fault":
        return this.#onFault(event);
      case "damage":
        return this.#mark(event.node, timeUs, "stop", damageText(event.node, event));
      case "fault-end":
        return this.#onFaultEnd(event);
      case "invoke":
      case "return":
        return this.#onOperation(event);
      case "phase":
        // All is healed.
        for (const span of this.faults) span.toUs = Math.min(span.toUs, timeUs);
        return;
      case "violation":
        return;
    }
  }

  #enter(node: number, timeUs: number, role: string, term: number): void {
    this.#leave(node, timeUs);
    const span: NodeSpan = { node, fromUs: timeUs, toUs: this.#endUs, role, term };
    this.#current[node] = span;
    this.spans.push(span);
  }

  #leave(node: number, timeUs: number): void {
    const span = this.#current[node];
    if (span !== undefined) span.toUs = timeUs;
    this.#current[node] = undefined;
  }

  #mark(node: number, timeUs: number, type: string, text: string, value: number = 0): void {
    this.marks.push([node, timeUs, type, text, value]);
  }

  #onSend(event: Extract<TraceEvent, { type: "send" }>): void {
    const { node, to, timeUs, packet, message, term, text } = event;
    const row: MessageRow = [node, to, timeUs, 0, message, `term ${term}, ${text}`, "", 0];
    this.#packets.set(packet, row);
    this.messages.push(row);
  }

  /** A message may arrive more than once. */
  #onEnd(packet: number, timeUs: number, lost: string, isPast: boolean): void {
    const sent = this.#packets.get(packet);
    if (sent === undefined) return;
    const [from, to, sentUs, endUs, type, text] = sent;
    if (endUs === 0) {
      sent[3] = timeUs;
      sent[6] = lost;
      sent[7] = isPast ? 1 : 0;
    } else {
      this.messages.push([from, to, sentUs, timeUs, type, `${text}, copy`, lost, isPast ? 1 : 0]);
    }
  }

  #onFault(event: Extract<TraceEvent, { type: "fault" }>): void {
    const { action, nodes, timeUs: fromUs, untilUs, fault } = event;
    const toUs = Math.min(untilUs ?? fromUs, this.#endUs);
    const text = faultText(action, nodes);
    const span: FaultSpan = { fromUs, toUs, type: action.type, text, nodes };
    this.faults.push(span);
    const lasting = this.#lasting.get(fault);
    if (lasting === undefined) this.#lasting.set(fault, [span]);
    else lasting.push(span);
  }

  /** The oldest of it: it may have struck again meanwhile. */
  #onFaultEnd({ fault, timeUs }: Extract<TraceEvent, { type: "fault-end" }>): void {
    const span = this.#lasting.get(fault)?.shift();
    if (span !== undefined) span.toUs = timeUs;
  }

  #onOperation({ timeUs, operation }: Extract<TraceEvent, { type: "invoke" | "return" }>): void {
    const known = this.operations.get(operation.id);
    if (known === undefined) {
      const { client, id, call } = operation;
      const text = `c${client + 1}: ${call}`;
      const span = { client, fromUs: timeUs, toUs: this.#endUs, outcome: "open", text };
      this.operations.set(id, span);
    } else {
      known.toUs = timeUs;
      known.outcome = operation.outcome ?? "open";
      known.text += `\n${returnText(operation)}`;
    }
  }
}

function lossText(batches: number): string {
  return batches === 0 ? "crashes" : `crashes, and loses ${batches} unsynced writes`;
}
