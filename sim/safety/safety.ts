/** All safety checks of a run, and what they see: the first violation ends it. */

import type { RaftState } from "../../src/core/state.ts";
import type { Application, ApplicationChecks } from "../application.ts";
import type { PlatterChange } from "../platter.ts";
import type { Recorder } from "../recorder.ts";
import type { TriggerEvent } from "../schedule.ts";
import type { Scheduler } from "../scheduler.ts";
import type { ClientOperation, Violation } from "../trace.ts";
import { checkStillDurable } from "./commit.ts";
import { Ghost } from "./ghost.ts";
import type { NodeView } from "./ghost.ts";
import { checkWritten } from "./log-checks.ts";
import { MessageChecks } from "./messages.ts";
import { NodeObserver } from "./observer.ts";

export interface SafetyHooks {
  readonly onTrigger: (event: TriggerEvent, slot: number) => void;
  /** Whether a node has committed up to an index, asked in the middle of a step. */
  readonly isCommittedAt: (slot: number, index: number) => boolean;
}

interface SeenSnapshot {
  readonly slot: number;
  readonly index: number;
  readonly chunks: readonly Uint8Array[];
}

export class Safety {
  readonly ghost: Ghost;
  readonly messages: MessageChecks;
  readonly application: ApplicationChecks<ClientOperation>;
  readonly #scheduler: Scheduler;
  readonly #recorder: Recorder;
  readonly #hooks: SafetyHooks;
  /** Seen in this step, and to be compared with the model. */
  readonly #snapshots: SeenSnapshot[] = [];
  #violation: Violation | undefined;

  constructor(
    application: Application,
    views: readonly NodeView[],
    scheduler: Scheduler,
    recorder: Recorder,
    hooks: SafetyHooks,
  ) {
    this.#scheduler = scheduler;
    this.#recorder = recorder;
    this.#hooks = hooks;
    this.ghost = new Ghost(
      views,
      (property, text, slot) => this.report(property, text, slot),
      () => scheduler.steps,
    );
    this.messages = new MessageChecks(this.ghost);
    this.messages.isOwnNews = (view, index) => hooks.isCommittedAt(view.slot, index);
    this.application = application.checks(this.ghost);
  }

  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** Ends the run, unless something has before. */
  report(property: string, text: string, node: number | undefined): void {
    if (this.#violation !== undefined) return;
    const { steps: step, nowUs: timeUs } = this.#scheduler;
    this.#violation = { property, text, node, step, timeUs };
    this.#recorder.onViolation(this.#violation);
    this.#scheduler.stop();
  }

  /** A node that has just recovered. */
  observe(view: NodeView, state: Readonly<RaftState>): NodeObserver {
    const recorder = this.#recorder;
    return new NodeObserver(this.ghost, this.application, view, state, {
      onRole: (slot, now, before) => {
        recorder.onRole(slot, now);
        if (now.role === "leader") this.#hooks.onTrigger("becomes-leader", slot);
        else if (before === "leader") this.#hooks.onTrigger("steps-down", slot);
      },
      onAppend: (node, index, { log }) => {
        if (!recorder.isHeard) return;
        const term = (at: number): number => log.tail[at - log.tailFirst]?.term ?? 0;
        const { lastIndex } = log;
        const first = { index, term: term(index) };
        recorder.tell({
          type: "append",
          node,
          first,
          last: { index: lastIndex, term: term(lastIndex) },
          lastIndex,
        });
      },
      onTruncate: (node, from) => {
        recorder.count("truncations");
        recorder.tell({ type: "truncate", node, from });
        this.#hooks.onTrigger("truncates", node);
      },
      onCommit: (node, { commitIndex: index, currentTerm: term }) => {
        this.application.onCommit();
        recorder.tell({ type: "commit", node, index, term });
        this.#hooks.onTrigger("commits", node);
      },
      onApply: (node, index) => recorder.tell({ type: "apply", node, index }),
    });
  }

  onDurable(slot: number, { written, lostFrom }: PlatterChange): void {
    const view = this.ghost.view(slot);
    checkWritten(this.ghost, view, written);
    if (lostFrom !== undefined) checkStillDurable(this.ghost, view, lostFrom);
    const { hardState, lastIndex } = view.platter;
    this.#recorder.tell({ type: "durable", node: slot, term: hardState.currentTerm, lastIndex });
  }

  onSnapshot(
    slot: number,
    what: "taken" | "installed" | "restored",
    index: number,
    chunks: readonly Uint8Array[],
  ): void {
    if (what === "taken") this.#recorder.count("snapshotsTaken");
    if (what === "installed") this.#recorder.count("snapshotsInstalled");
    this.#recorder.tell({ type: `snapshot-${what}`, node: slot, index });
    this.#snapshots.push({ slot, index, chunks });
  }

  /** At the end of each step, when what it has committed is known. */
  afterStep(): void {
    this.messages.afterStep();
    if (this.#snapshots.length === 0) return;
    this.#scheduler.wantDrain();
    for (const { slot, index, chunks } of this.#snapshots.splice(0)) {
      this.application
        .checkSnapshot(this.ghost.view(slot), index, chunks)
        .catch((error: unknown) => this.report("S14", String(error), slot));
    }
  }

  async checkEnd(history: readonly ClientOperation[], settled: readonly number[]): Promise<void> {
    if (this.#violation === undefined) await this.application.checkEnd(history, settled);
  }

  onInvoke(operation: ClientOperation): void {
    this.application.onInvoke(operation);
    this.#recorder.onInvoke(operation);
  }

  onReturn(operation: ClientOperation): void {
    this.#recorder.onReturn(operation);
    this.application.onReturn(operation);
  }
}
