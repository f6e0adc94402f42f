/** Long histories of a store that works, for what depends on length: the same seed, the same history. */

import type { GoldenCommand } from "../../../sim/golden-log.ts";
import { HistoryRecorder } from "../../../sim/history.ts";
import type { Call, Found, OpenOperation, Operation, Result } from "../../../sim/history.ts";
import { execute } from "../../../sim/register.ts";
import { seededRandom } from "../../support/random.ts";
import { nothing } from "./histories.ts";

export interface LongHistoryOptions {
  readonly seed: number;
  readonly operations: number;
  readonly clients: number;
  readonly keys: number;
  /** How many of a hundred writes are never answered. Half of them are executed. Default none. */
  readonly unknownPercent?: number;
}

interface UnderWay {
  readonly call: Call;
  readonly open: OpenOperation;
  result: Result | undefined;
}

export function longHistory(options: LongHistoryOptions): {
  readonly history: readonly Operation[];
  readonly golden: readonly GoldenCommand[];
} {
  const random = seededRandom(options.seed);
  const pick = (bound: number): number => Math.floor(random() * bound);
  const recorder = new HistoryRecorder();
  const states = new Map<string, Found>();
  const golden: GoldenCommand[] = [];
  const idle = Array.from({ length: options.clients }, (_, at) => `c${at}`);
  const busy: (UnderWay & { readonly client: string })[] = [];

  const begin = (number: number): void => {
    const key = `k${pick(options.keys)}`;
    const call = drawCall(key, number, pick, states.get(key) ?? nothing);
    const client = idle.splice(pick(idle.length), 1)[0] ?? "";
    busy.push({ client, call, open: recorder.start(client, call), result: undefined });
  };
  const execution = (operation: UnderWay): void => {
    const { call } = operation;
    const previous = states.get(call.key) ?? nothing;
    if (call.op !== "get") golden.push({ index: golden.length + 1, call });
    const { status, after } = execute(call, previous, golden.length);
    states.set(call.key, after);
    operation.result = { status, previous, index: golden.length };
  };

  for (let begun = 0; begun < options.operations || busy.length > 0;) {
    if (begun < options.operations && idle.length > 0 && random() < 0.5) {
      begin(begun++);
      continue;
    }
    const at = pick(busy.length);
    const operation = busy[at];
    if (operation === undefined) continue;
    const isLost = operation.call.op !== "get" && pick(200) < (options.unknownPercent ?? 0);
    if (operation.result === undefined && !isLost) execution(operation);
    else {
      if (isLost || operation.result === undefined) operation.open.unknown();
      else operation.open.complete(operation.result);
      busy.splice(at, 1);
      idle.push(operation.client);
    }
  }
  return { history: recorder.operations, golden };
}

function drawCall(
  key: string,
  number: number,
  pick: (bound: number) => number,
  { value }: Found,
): Call {
  const kind = pick(20);
  if (kind < 10) return { op: "get", key };
  if (kind < 14) return { op: "put", key, value: `p${number}` };
  if (kind < 16) return { op: "delete", key };
  if (kind < 18) return { op: "append", key, value: `.${number}` };
  const expected =
    value === undefined ? ({ type: "absent" } as const) : ({ type: "value", value } as const);
  return { op: "cas", key, expected, value: `c${number}` };
}
