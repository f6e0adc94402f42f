/** Faults in words, for stories and pages. */

import { idOf } from "./process.ts";
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
    case "filter":
      return `no ${listText(action.messages)} of ${first} gets through`;
    case "reset":
      return `the connection of ${first} and ${second} is reset`;
    case "disk-stall":
      return `the disk of ${first} stalls for ${action.forMs} ms`;
    case "disk-slow":
      return `the disk of ${first} becomes ${action.factor} times slower`;
    case "disk-fail":
      return `the next write of ${first} fails with ${action.code}${action.isApplied ? ", though it is done" : ""}`;
    case "bit-rot":
      return `a bit rots on the disk of ${first}`;
    case "transfer":
      return `${first} is asked to hand leadership to ${second}`;
    case "propose":
      return `${action.count === 1 ? "a write is" : `${action.count} writes are`} asked of ${first}`;
  }
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
