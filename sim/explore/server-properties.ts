/** What must be so of one server, its disk and what it says, by the names of the simulator's list. */

import type { Message } from "../../src/core/message.ts";
import type { RaftState } from "../../src/core/state.ts";
import type { NodeId, Write } from "../../src/core/types.ts";
import { sameEntry } from "../safety/ghost.ts";
import type { Disk } from "./disk.ts";
import type { Move, Server } from "./server.ts";
import { must } from "./violation.ts";

/** S3 and S10: what a message shows is on the disk when it leaves, and nothing older than that is shown. */
export function checkSaid(state: Readonly<RaftState>, disk: Disk, message: Message): void {
  const { type, from, to, term } = message;
  const isProposal = type === "PreVote" || (type === "PreVoteResponse" && message.voteGranted);
  if (isProposal) return;
  const { currentTerm, votedFor } = disk.hardState;
  const knows = `its disk knows term ${currentTerm} and its vote for ${votedFor ?? "none"}`;
  must(currentTerm >= term, "S10", () => `${from} sends a ${type} of term ${term}; ${knows}`);
  must(currentTerm <= term, "S3", () => `${from} sends a ${type} of term ${term}; ${knows}`);
  const voteFor = voteIn(message);
  const isVoteThere = voteFor === undefined || (currentTerm === term && votedFor === voteFor);
  must(isVoteThere, "S10", () => `${from} shows its vote for ${voteFor} in term ${term}; ${knows}`);
  if (!("matchIndex" in message)) return;
  const { matchIndex } = message;
  must(
    matchIndex <= disk.lastIndex,
    "S10",
    () =>
      `${from} acknowledges to ${to} entries up to ${matchIndex}; its disk ends at ${disk.lastIndex}`,
  );
  const own =
    matchIndex >= state.log.tailFirst
      ? state.log.tail[matchIndex - state.log.tailFirst]
      : undefined;
  must(
    own === undefined || disk.termAt(matchIndex) === own.term,
    "S10",
    () => `${from} acknowledges entry ${matchIndex}.${own?.term}; its disk has another`,
  );
}

function voteIn(message: Message): NodeId | undefined {
  if (message.type === "RequestVote") return message.from;
  return message.type === "RequestVoteResponse" && message.voteGranted ? message.to : undefined;
}

/** S2, S3: by what reaches the disk, over all crashes; nothing else may be shown (S10). */
export function checkWrite(id: NodeId, { hardState }: Disk, write: Write): void {
  const { currentTerm, votedFor } = hardState;
  const next = write.hardState ?? hardState;
  must(
    next.currentTerm >= currentTerm,
    "S3",
    () => `${id} writes term ${next.currentTerm} over term ${currentTerm}`,
  );
  must(
    next.currentTerm > currentTerm || votedFor === undefined || votedFor === next.votedFor,
    "S2",
    () =>
      `${id} has voted for ${votedFor} and for ${next.votedFor ?? "none"} in term ${currentTerm}`,
  );
}

/** What a move has made of a server. */
export function checkStep(before: Server, after: Server, move: Move): void {
  if (move.type !== "crash") checkKept(before, after);
  checkFollows(after, move);
}

/** L8: whoever hears the leader of its term follows it (section 5.2). */
function checkFollows({ id, state }: Server, move: Move): void {
  if (move.type !== "message") return;
  const { from, type, term } = move.message;
  const isLeaders = type === "AppendEntries" || type === "Heartbeat" || type === "InstallSnapshot";
  must(
    !isLeaders || term < state.currentTerm || state.role === "follower",
    "L8",
    () => `${id} has heard ${from}, the leader of term ${term}, and is a ${state.role} still`,
  );
}

/** S5, S6 and S11, where it has not crashed. */
function checkKept(before: Server, after: Server): void {
  const [old, now] = [before.state, after.state];
  must(
    now.commitIndex >= old.commitIndex,
    "S11",
    () => `${after.id} takes its commit index back from ${old.commitIndex} to ${now.commitIndex}`,
  );
  must(
    now.currentTerm >= old.currentTerm,
    "S11",
    () => `${after.id} goes back to term ${now.currentTerm}`,
  );
  const [was, is] = [old.snapshot.lastIncluded.index, now.snapshot.lastIncluded.index];
  must(is >= was, "S11", () => `${after.id} goes back from a snapshot at ${was} to one at ${is}`);
  must(
    now.log.compacted.index <= is,
    "S6",
    () =>
      `${after.id} has let go of its log up to ${now.log.compacted.index}; its snapshot ends at ${is}`,
  );
  if (!before.isLeader || !after.isLeader || old.currentTerm !== now.currentTerm) return;
  for (let index = now.log.compacted.index + 1; index <= old.log.lastIndex; index += 1) {
    const entry = before.entryAt(index);
    const kept = after.entryAt(index);
    const isKept = entry !== undefined && kept !== undefined && sameEntry(entry, kept);
    must(
      isKept,
      "S5",
      () => `${after.id} leads term ${now.currentTerm} and has changed its entry ${index}`,
    );
  }
  for (const { id, matchIndex } of old.leadership?.progress.values() ?? []) {
    const next = now.leadership?.progress.get(id)?.matchIndex ?? 0;
    must(
      next >= matchIndex,
      "S11",
      () => `${after.id} takes the match of ${id} back from ${matchIndex} to ${next}`,
    );
  }
}
