/** Faults in words, for stories and pages. */

import { idOf } from "./process.ts";
import type { Damage } from "./damage.ts";
import type { Action } from "./schedule.ts";

/** What befell which nodes: `n1 is cut off`. `nodes` are those that the fault resolved to. */
export function faultText(action: Action, nodes: readonly number[]): string {
  const first = idOf(nodes[0] ?? 0);
  const second = idOf(nodes[1] ?? 0);
  const all = listText(nodes.map(idOf));
  switch (action.type) {
    case "crash":
      return `${first} crashes`;
    case "crash-many":
      return `${all} crash at once`;
    case "crash-on-write":
      return `${first} is to crash ${action.writes === 1 ? "as it next writes" : `at write ${action.writes} from now`}`;
    case "crash-on-io":
      return `${first} is to crash as its disk is done with ${action.operations === 1 ? "what it next asks" : `request ${action.operations} from now`}`;
    case "pause":
      return `${first} is paused for ${action.forMs} ms`;
    case "slow":
      return `${first} becomes slow: ${action.turnCostUs / 1000} ms a turn`;
    case "clock-jump":
      return `the clock of ${first} jumps by ${action.byMs} ms`;
    case "clock-drift":
      return `the clock of ${first} drifts by ${action.ppm / 10_000} %`;
    case "isolate":
      return isolationText(action, first);
    case "partition":
      return `${all} ${nodes.length === 1 ? "is" : "are"} parted from the others`;
    case "one-way":
      return `${all} ${nodes.length === 1 ? "hears" : "hear"} nothing of the others any more`;
    case "bad-link":
      return `the link from ${first} to ${second} becomes bad: ${action.lossPpm / 10_000} % lost, ${action.duplicatePpm / 10_000} % twice, up to ${action.maxDelayUs / 1000} ms late`;
    case "narrow":
      return `the link from ${first} to ${second} becomes narrow: ${action.bytesPerMs} bytes a millisecond`;
    case "clog-clients":
      return `all between ${first} and its clients is held up for ${action.forMs} ms`;
    case "pause-client":
      return `client ${action.client + 1} is paused for ${action.forMs} ms`;
    case "cut":
      return `nothing gets from ${first} to ${second} any more`;
    case "bridge":
      return `two halves are parted, and only ${first} reaches both`;
    case "ring":
      return "everybody reaches only its neighbours in a ring";
    case "flapping":
      return `the link from ${first} to ${second} goes up and down every ${action.periodMs} ms`;
    case "clog":
      return `all from ${first} to ${second} is held up for ${action.forMs} ms`;
    case "swizzle":
      return `${all} are held up one by one, and let go in another order`;
    case "quality":
      return `the network becomes bad: ${action.lossPpm / 10_000} % lost, ${action.duplicatePpm / 10_000} % twice, up to ${action.maxDelayUs / 1000} ms late`;
    case "echo":
      return `what ${first} sends arrives again ${action.afterMs} ms later`;
    case "filter":
      return `no ${listText(action.messages)} of ${first} gets through`;
    case "reset":
      return `the connection of ${first} and ${second} is reset`;
    case "transfer":
      return `${first} is asked to hand leadership to ${second}`;
    case "propose":
      return `${action.count === 1 ? "a write is" : `${action.count} writes are`} asked of ${first}`;
    default:
      return diskText(action, first);
  }
}

type DiskAction = Extract<
  Action,
  {
    type:
      | `disk-${string}`
      | "sync-fail"
      | "read-fail"
      | "guard-fail"
      | "bit-rot"
      | "damage"
      | "lose-batch";
  }
>;

function diskText(action: DiskAction, node: string): string {
  switch (action.type) {
    case "disk-stall":
      return `the disk of ${node} stalls for ${action.forMs} ms`;
    case "disk-slow":
      return `the disk of ${node} becomes ${action.factor} times slower`;
    case "disk-fail":
      return `the next write of ${node} fails with ${action.code}${action.isApplied ? ", though it is done" : ""}`;
    case "sync-fail":
      return `the next sync of ${node} fails, and what was to be written never is`;
    case "read-fail":
      return `the next read of ${node} fails`;
    case "guard-fail":
      return `the next save of ${node}'s second copy of term and vote fails`;
    case "disk-full":
      return `the disk of ${node} is full for ${action.forMs} ms`;
    case "bit-rot":
      return `${node} is to read one wrong bit`;
    case "damage":
      return `the disk of ${node} is damaged for good`;
    case "lose-batch":
      return `the disk of ${node} is to lose a batch from its journal`;
  }
}

/** What was damaged, and how: `n1's record of entries 3 to 5 is gone`. */
export function damageText(node: number, { key, how, entries }: Damage): string {
  const first = entries === "all" ? undefined : entries[0]?.index;
  const last = entries === "all" ? undefined : entries.at(-1)?.index;
  const range = first === last ? `entry ${first ?? 0}` : `entries ${first ?? 0} to ${last ?? 0}`;
  const what = first === undefined ? key : `record of ${range}`;
  const fate = {
    rot: "has a wrong bit",
    gone: "is gone",
    stale: "is back at what it was",
    misdirected: "is overwritten, or was written elsewhere",
    "lost-batch": "never was",
  }[how];
  return `${idOf(node)}'s ${what} ${fate}`;
}

function isolationText(
  { direction, clients }: Extract<Action, { type: "isolate" }>,
  node: string,
): string {
  const text = {
    both: `${node} is cut off`,
    in: `${node} hears nobody any more`,
    out: `nobody hears ${node} any more`,
  }[direction];
  return clients ? `${text}, from clients too` : text;
}

export function listText(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? "nobody";
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
