/** Smaller and simpler schedules made from one: pure functions for shrinking. Any part of a schedule is a schedule. */

import type { RaftTuning } from "../src/node/options.ts";
import type {
  Action,
  ClientPlan,
  ClockModel,
  DiskModel,
  Fault,
  NetworkModel,
  PlannedOperation,
  Schedule,
  Target,
  When,
} from "./schedule.ts";

/** What shrinking makes smallest: the faults and the operations that somebody decided on. */
export function decisionsOf({ faults, operations }: Schedule): number {
  return faults.length + operations.length;
}

/**
 * The less the better: nodes and decisions first, then the time until `endMs`, then what is unusual. Half the time is
 * less, a little less time is not: shrinking has to come to an end.
 */
export function weightOf(schedule: Schedule, endMs: number): number {
  const timeBits = bits(Math.min(endMs, 60_000) ** 2);
  return (
    (2 * schedule.nodes + decisionsOf(schedule)) * 1_000_000 + timeBits * 1000 + oddities(schedule)
  );
}

/**
 * Only what is decided for `fromMs` to below `untilMs`, and what is still under way then, moved to the start: to
 * `leadMs` from there, so that there may be a leader by then.
 */
export function windowOf(
  schedule: Schedule,
  fromMs: number,
  untilMs: number,
  leadMs: number = 0,
): Schedule {
  return {
    ...schedule,
    durationMs: untilMs - fromMs + leadMs,
    operations: schedule.operations
      .filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
      .map((operation) => ({ ...operation, atMs: operation.atMs - fromMs + leadMs })),
    faults: schedule.faults.flatMap((fault) => {
      const begun = fromMs > 0 ? underWay(fault, fromMs) : fault;
      const when = shifted(begun.when, fromMs, untilMs, leadMs);
      return when === undefined ? [] : [{ ...begun, when }];
    }),
  };
}

function shifted(when: When, fromMs: number, untilMs: number, leadMs: number): When | undefined {
  if (when.type === "at") {
    const isInside = when.atMs >= fromMs && when.atMs < untilMs;
    return isInside ? { ...when, atMs: when.atMs - fromMs + leadMs } : undefined;
  }
  const first = Math.max(0, when.fromMs - fromMs);
  const end = Math.min(when.untilMs, untilMs) - fromMs;
  return first < end ? { ...when, fromMs: first + leadMs, untilMs: end + leadMs } : undefined;
}

/** What began before and lasts beyond `fromMs` begins then, and lasts as much less. */
function underWay(fault: Fault, fromMs: number): Fault {
  const { when, action } = fault;
  if (when.type !== "at" || when.atMs >= fromMs) return fault;
  const goneMs = fromMs - when.atMs;
  const at: When = { ...when, atMs: fromMs };
  if ("forMs" in action && action.forMs > goneMs) {
    return { ...fault, when: at, action: { ...action, forMs: action.forMs - goneMs } };
  }
  if ("downMs" in action && action.downMs > goneMs) {
    return { ...fault, when: at, action: { ...action, downMs: action.downMs - goneMs } };
  }
  return fault;
}

/** Everything earlier by a factor, so that less time passes between two decisions. */
export function compressed(schedule: Schedule, factor: number): Schedule {
  const scale = (ms: number): number => Math.floor(ms * factor);
  return {
    ...schedule,
    operations: schedule.operations.map((each) => ({ ...each, atMs: scale(each.atMs) })),
    faults: schedule.faults.map((fault) => {
      const { when } = fault;
      if (when.type === "at") return { ...fault, when: { ...when, atMs: scale(when.atMs) } };
      return { ...fault, when: { ...when, fromMs: scale(when.fromMs) } };
    }),
  };
}

/** A smaller cluster of the nodes that are named, numbered anew. Decisions about the others are dropped. */
export function keepNodes(schedule: Schedule, kept: readonly number[]): Schedule {
  const numbers = new Map(kept.map((before, now) => [before, now]));
  return {
    ...schedule,
    nodes: kept.length,
    clocks: kept.flatMap((node) => schedule.clocks[node] ?? []),
    clients: schedule.clients.map((plan) => ({
      ...plan,
      stuckTo: plan.stuckTo === undefined ? undefined : numbers.get(plan.stuckTo),
    })),
    faults: schedule.faults.flatMap((fault) => {
      const action = renumbered(fault.action, numbers);
      return action === undefined ? [] : [{ ...fault, action }];
    }),
  };
}

function renumbered(action: Action, numbers: ReadonlyMap<number, number>): Action | undefined {
  if (action.type === "partition" || action.type === "one-way") {
    let side = 0;
    for (const [before, now] of numbers) if (((action.side >> before) & 1) === 1) side |= 1 << now;
    return { ...action, side };
  }
  const isGone = (target: Target): boolean => typeof target === "number" && !numbers.has(target);
  const now = (target: Target): Target =>
    typeof target === "number" ? (numbers.get(target) ?? target) : target;
  if ("target" in action) {
    return isGone(action.target) ? undefined : { ...action, target: now(action.target) };
  }
  if (action.type === "filter") {
    return isGone(action.from) ? undefined : { ...action, from: now(action.from) };
  }
  if (action.type === "transfer") {
    return isGone(action.to) ? undefined : { ...action, to: now(action.to) };
  }
  if ("from" in action) {
    if (isGone(action.from) || isGone(action.to)) return undefined;
    return { ...action, from: now(action.from), to: now(action.to) };
  }
  return action;
}

/** One operation of every so many. */
export function thinned(schedule: Schedule, every: number): Schedule {
  return { ...schedule, operations: schedule.operations.filter((_, at) => at % every === 0) };
}

/** With a snapshot after every other entry, which otherwise takes hundreds of operations. */
export function withEarlySnapshots(schedule: Schedule): Schedule {
  return { ...schedule, snapshot: { everyEntries: 2, keepEntries: 0 } };
}

const PLAIN_NETWORK: NetworkModel = {
  mode: "datagram",
  minDelayUs: 500,
  maxDelayUs: 1000,
  tailPpm: 0,
  tailDelayUs: 20_000,
  lossPpm: 0,
  duplicatePpm: 0,
  capacity: 1000,
  bytesPerMs: 0,
};
const PLAIN_DISK: DiskModel = { readMinUs: 10, readMaxUs: 50, syncMinUs: 200, syncMaxUs: 1000 };
const PLAIN_CLOCK: ClockModel = { offsetUs: 0, driftPpm: 0, turnCostUs: 0 };
const PLAIN_CLIENT: ClientPlan = { stuckTo: undefined, attemptTimeoutMs: 300, retryBaseMs: 20 };

/** The same decisions in a plainer world, one thing plainer in each; the boldest first. Only those that differ. */
export function plainer(schedule: Schedule): readonly Schedule[] {
  const { raft, network, clients } = schedule;
  const { electionTimeoutMs, heartbeatIntervalMs } = raft;
  const times = { electionTimeoutMs, heartbeatIntervalMs } as RaftTuning;
  const clocks = schedule.clocks.map(() => PLAIN_CLOCK);
  const withNetwork = (part: Partial<NetworkModel>): Schedule => ({
    ...schedule,
    network: { ...network, ...part },
  });
  const everything = {
    clocks,
    network: PLAIN_NETWORK,
    disk: PLAIN_DISK,
    journal: undefined,
    snapshot: {},
    inbox: {},
  };
  const oneClient = {
    clients: clients.length > 0 ? [PLAIN_CLIENT] : [],
    operations: schedule.operations.map((each) => ({ ...each, client: 0 })),
  };
  const candidates: readonly Schedule[] = [
    { ...schedule, ...everything, raft: times },
    { ...schedule, ...everything },
    { ...schedule, network: PLAIN_NETWORK },
    { ...schedule, disk: PLAIN_DISK },
    { ...schedule, journal: undefined },
    { ...schedule, clocks },
    { ...schedule, snapshot: {} },
    { ...schedule, inbox: {} },
    { ...schedule, raft: times },
    { ...schedule, ...oneClient },
    { ...schedule, clients: clients.map((plan) => ({ ...plan, stuckTo: undefined })) },
    withNetwork({ tailPpm: 0 }),
    withNetwork({ lossPpm: 0 }),
    withNetwork({ duplicatePpm: 0 }),
    withNetwork({ mode: "datagram", capacity: 1000, bytesPerMs: 0 }),
    ...Object.keys(raft)
      .filter((name) => !(name in times))
      .map((name) => ({
        ...schedule,
        raft: Object.fromEntries(Object.entries(raft).filter(([other]) => other !== name)),
      })),
  ];
  return differing(schedule, candidates);
}

/** In how many places a schedule is not plain. */
function oddities({
  raft,
  snapshot,
  inbox,
  network,
  disk,
  journal,
  clocks,
  clients,
  ...rest
}: Schedule): number {
  return (
    Object.keys(raft).length +
    Object.keys(snapshot).length +
    Object.keys(inbox ?? {}).length +
    differences(network, PLAIN_NETWORK) +
    differences(disk, PLAIN_DISK) +
    (journal === undefined ? 0 : 1) +
    clocks.reduce((sum, clock) => sum + differences(clock, PLAIN_CLOCK), 0) +
    clients.reduce((sum, client) => sum + 1 + differences(client, PLAIN_CLIENT), 0) +
    rest.operations.reduce((sum, each) => sum + differences(each, plainOperation(each)), 0) +
    rest.faults.reduce((sum, fault) => sum + faultOddities(fault), 0)
  );
}

function faultOddities(fault: Fault): number {
  const { action } = fault;
  const lastsMs = "forMs" in action ? action.forMs : "downMs" in action ? action.downMs : 0;
  return simplerFaults(fault).length + bits(lastsMs);
}

function bits(value: number): number {
  return 32 - Math.clz32(value);
}

function differences(one: object, other: object): number {
  const texts = new Set(Object.entries(other).map((entry) => JSON.stringify(entry)));
  return Object.entries(one).filter((entry) => !texts.has(JSON.stringify(entry))).length;
}

/** Each decision made simpler, the others as they are. */
export function simplerDecisions(schedule: Schedule): readonly Schedule[] {
  const { faults, operations } = schedule;
  const plainOperations = operations.map(plainOperation);
  const candidates: readonly Schedule[] = [
    { ...schedule, operations: plainOperations },
    ...operations.map((operation, at) => ({
      ...schedule,
      operations: operations.with(at, plainOperation(operation)),
    })),
    ...faults.flatMap((fault, at) =>
      simplerFaults(fault).map((simple) => ({ ...schedule, faults: faults.with(at, simple) })),
    ),
  ];
  return differing(schedule, candidates);
}

function plainOperation(operation: PlannedOperation): PlannedOperation {
  const { id, atMs } = operation;
  return { id, atMs, type: "put", client: 0, key: 0, deadlineMs: 2000 };
}

function simplerFaults(fault: Fault): readonly Fault[] {
  const { when, action } = fault;
  const simpler: Fault[] = [];
  if (when.type === "on" && when.times > 1) simpler.push({ ...fault, when: { ...when, times: 1 } });
  if (when.type === "on" && when.delayMs > 0) {
    simpler.push({ ...fault, when: { ...when, delayMs: 0 } });
  }
  if ("count" in action && action.count > 1) {
    simpler.push({ ...fault, action: { ...action, count: 1 } });
  }
  if ("clients" in action && action.clients) {
    simpler.push({ ...fault, action: { ...action, clients: false } });
  }
  if (action.type === "isolate" && action.direction !== "both") {
    simpler.push({ ...fault, action: { ...action, direction: "both" } });
  }
  if (action.type === "damage" && action.how !== "rot") {
    simpler.push({ ...fault, action: { ...action, how: "rot" } });
  }
  if ("isBudgeted" in action && !action.isBudgeted) {
    simpler.push({ ...fault, action: { ...action, isBudgeted: true } });
  }
  if ("forMs" in action && action.forMs > 1) {
    simpler.push({ ...fault, action: { ...action, forMs: Math.floor(action.forMs / 2) } });
  }
  if ("downMs" in action && action.downMs > 1) {
    simpler.push({ ...fault, action: { ...action, downMs: Math.floor(action.downMs / 2) } });
  }
  return simpler;
}

function differing(schedule: Schedule, candidates: readonly Schedule[]): readonly Schedule[] {
  const seen = new Set([JSON.stringify(schedule)]);
  return candidates.filter((candidate) => {
    const text = JSON.stringify(candidate);
    return !seen.has(text) && seen.add(text);
  });
}
