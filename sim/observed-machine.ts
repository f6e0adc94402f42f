/** A state machine that lets a checker see what goes in and out; it changes nothing. */

import type { AppliedCommand, StateMachine } from "../src/node/state-machine.ts";
import type { Scheduler } from "./scheduler.ts";

export interface MachineObserver {
  readonly onApplied: (commands: readonly AppliedCommand[], results: readonly unknown[]) => void;
  /** The state is captured: its bytes go to the storage. */
  readonly onCapture: () => void;
  /** What is restored, once it is. */
  readonly onRestore: () => (chunks: readonly Uint8Array[]) => void;
}

export function observed<Result, Query, Answer>(
  machine: StateMachine<Result, Query, Answer>,
  observer: MachineObserver,
  scheduler: Scheduler,
): StateMachine<Result, Query, Answer> {
  return {
    apply(commands) {
      const results = machine.apply(commands);
      if (results instanceof Promise) {
        scheduler.wantDrain();
        return results.then((settled) => {
          if (isList(settled)) observer.onApplied(commands, settled);
          return settled;
        });
      }
      if (isList(results)) observer.onApplied(commands, results);
      return results;
    },
    query(query) {
      const answer = machine.query(query);
      if (answer instanceof Promise) scheduler.wantDrain();
      return answer;
    },
    snapshot() {
      scheduler.wantDrain();
      observer.onCapture();
      return machine.snapshot();
    },
    async restore(chunks) {
      scheduler.wantDrain();
      const onEnd = observer.onRestore();
      const seen: Uint8Array[] = [];
      await machine.restore(watched(chunks, (all) => void seen.push(...all)));
      onEnd(seen);
    },
  };
}

/** What is no list is the node's to refuse. */
function isList(results: unknown): boolean {
  return Array.isArray(results);
}

async function* watched(
  chunks: AsyncIterable<Uint8Array>,
  onEnd: (chunks: readonly Uint8Array[]) => void,
): AsyncGenerator<Uint8Array> {
  const seen: Uint8Array[] = [];
  for await (const chunk of chunks) {
    seen.push(Buffer.from(chunk));
    yield chunk;
  }
  onEnd(seen);
}
