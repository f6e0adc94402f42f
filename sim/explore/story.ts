/** The way to a violation, a line a move: what befell whom, and what he made of it. */

import { counted } from "../counted.ts";
import { textOf } from "../recorder.ts";
import { idText } from "../safety/ghost.ts";
import type { Found } from "./explore.ts";
import { afterMove } from "./server.ts";
import type { Move, Server } from "./server.ts";
import { firstServers } from "./world.ts";
import type { Setup, Step } from "./world.ts";

export function storyOf(setup: Setup, { violation, steps }: Found): string {
  const servers = [...firstServers(setup)];
  const lines = steps.map((step, at) => {
    const isLast = at === steps.length - 1;
    return `${String(at + 1).padStart(4)}  ${lineOf(servers, step, isLast)}`;
  });
  return [
    `${counted(setup.nodes, "node")}, ${counted(steps.length, "move")}:`,
    ...lines,
    `      Then ${violation.property} is violated:`,
    `      ${violation.message}`,
  ].join("\n");
}

function lineOf(servers: Server[], { slot, move, isLate }: Step, isLast: boolean): string {
  const before = servers[slot];
  if (before === undefined) throw new RangeError(`there is no server ${slot}`);
  const late = isLate ? " (its write takes its time)" : "";
  const text = moveText(before, move) + late;
  try {
    const { server } = afterMove(before, move, isLate);
    servers[slot] = server;
    const changes = changesOf(before, server);
    return changes.length === 0 ? text : `${text}: ${changes.join(", ")}`;
  } catch (error) {
    if (isLast) return text;
    throw error;
  }
}

function moveText({ id, isLeader, writes }: Server, move: Move): string {
  switch (move.type) {
    case "timer":
      return isLeader ? `${id} is to send heartbeats` : `the election timer of ${id} runs out`;
    case "propose":
      return `a write is asked of ${id}`;
    case "transfer":
      return `${id} is asked to hand leadership to ${move.target}`;
    case "write":
      return `the write of ${id} is done`;
    case "crash": {
      const lost = writes.length - move.survivors;
      return `${id} crashes${lost > 0 ? ` and loses ${counted(lost, "unsynced write")}` : ""}, and is up again`;
    }
    case "message": {
      const { message } = move;
      const { from, type, term } = message;
      return `${id} hears ${from}'s ${type} of term ${term} (${textOf(message)})`;
    }
    case "snapshot":
      return `${id} takes a snapshot`;
    case "snapshot-sent":
      return `${id} is told that its snapshot has ${move.delivered ? "" : "not "}arrived at ${move.peer}`;
  }
}

function changesOf(before: Server, after: Server): string[] {
  const changes: string[] = [];
  const [old, now] = [before.state, after.state];
  const isNewTerm = old.currentTerm !== now.currentTerm;
  if (now.role === "candidate" && isNewTerm) changes.push(`stands for term ${now.currentTerm}`);
  if (after.isLeader && !before.isLeader) {
    const votes = [...now.votes].filter((id) => id !== after.id).toSorted();
    changes.push(`wins term ${now.currentTerm} with the vote of ${votes.join(" and ") || "none"}`);
  }
  if (before.isLeader && !after.isLeader) changes.push(`leads no more (term ${now.currentTerm})`);
  if (
    now.votedFor !== undefined &&
    now.votedFor !== after.id &&
    (isNewTerm || old.votedFor === undefined)
  )
    changes.push(`votes for ${now.votedFor} in term ${now.currentTerm}`);
  const kept = commonLength(before, after);
  if (kept < old.log.lastIndex) changes.push(`removes entry ${kept + 1} and all after it`);
  for (let index = kept + 1; index <= now.log.lastIndex; index += 1) {
    const entry = after.entryAt(index);
    if (entry !== undefined)
      changes.push(`${after.isLeader ? "appends" : "has"} entry ${idText(entry)}`);
  }
  if (now.commitIndex > old.commitIndex) changes.push(`commits up to ${now.commitIndex}`);
  return changes;
}

function commonLength(before: Server, after: Server): number {
  let index = Math.max(before.state.log.compacted.index, after.state.log.compacted.index);
  const end = Math.min(before.state.log.lastIndex, after.state.log.lastIndex);
  while (index < end && before.entryAt(index + 1)?.term === after.entryAt(index + 1)?.term)
    index += 1;
  return index;
}
