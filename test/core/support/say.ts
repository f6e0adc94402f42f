/** Messages as a peer would say them: `from("b", 3).append({ prev: [2, 5], terms: [3] })`. */

import type {
  AppendEntries,
  AppendEntriesResponse,
  Heartbeat,
  HeartbeatResponse,
  InstallSnapshot,
  InstallSnapshotResponse,
  PreVote,
  PreVoteResponse,
  RequestVote,
  RequestVoteResponse,
  TimeoutNow,
} from "../../../src/core/message.ts";
import type { Entry, EntryId, SnapshotMeta, Term } from "../../../src/core/types.ts";
import { configuration, entries as entriesOfTerms } from "./world.ts";

/** `[term, index]`. */
export type At = readonly [Term, number];

export interface AppendDetails {
  readonly prev?: At;
  /** The terms of its entries. */
  readonly terms?: readonly Term[];
  readonly entries?: readonly Entry[];
  readonly commit?: number;
}

export class Voice {
  readonly #envelope: { readonly from: string; readonly to: string; readonly term: Term };

  constructor(sender: string, to: string, term: Term) {
    this.#envelope = { from: sender, to, term };
  }

  preVote(last: At): PreVote {
    return { type: "PreVote", ...this.#envelope, lastLog: id(last) };
  }

  preVoteResponse(voteGranted: boolean): PreVoteResponse {
    return { type: "PreVoteResponse", ...this.#envelope, voteGranted };
  }

  requestVote(last: At, leadershipTransfer = false): RequestVote {
    return { type: "RequestVote", ...this.#envelope, lastLog: id(last), leadershipTransfer };
  }

  vote(voteGranted = true): RequestVoteResponse {
    return { type: "RequestVoteResponse", ...this.#envelope, voteGranted };
  }

  append(details: AppendDetails = {}): AppendEntries {
    const { prev = [0, 0], terms = [], commit = 0 } = details;
    const entries = details.entries ?? entriesOfTerms(prev[1] + 1, terms);
    return {
      type: "AppendEntries",
      ...this.#envelope,
      prevLog: id(prev),
      leaderCommit: commit,
      entries,
    };
  }

  agrees(matchIndex: number): AppendEntriesResponse {
    return { type: "AppendEntriesResponse", ...this.#envelope, success: true, matchIndex };
  }

  refuses(prevLogIndex: number, hint: At): AppendEntriesResponse {
    const envelope = this.#envelope;
    return {
      type: "AppendEntriesResponse",
      ...envelope,
      success: false,
      prevLogIndex,
      hint: id(hint),
    };
  }

  heartbeat(commit = 0, round = 0): Heartbeat {
    return { type: "Heartbeat", ...this.#envelope, leaderCommit: commit, round };
  }

  heartbeatResponse(round = 0): HeartbeatResponse {
    return { type: "HeartbeatResponse", ...this.#envelope, round };
  }

  install(snapshot: SnapshotMeta): InstallSnapshot {
    return { type: "InstallSnapshot", ...this.#envelope, snapshot };
  }

  installed(matchIndex: number): InstallSnapshotResponse {
    return { type: "InstallSnapshotResponse", ...this.#envelope, matchIndex };
  }

  timeoutNow(): TimeoutNow {
    return { type: "TimeoutNow", ...this.#envelope };
  }
}

/** What `sender` says in `term`, to `a` where nothing else is said. */
export function from(sender: string, term: Term, to = "a"): Voice {
  return new Voice(sender, to, term);
}

/** A snapshot's description; its bytes are the server's `snapshots`. */
export function snapshotAt([term, index]: At, name = `snapshot-${term}-${index}`): SnapshotMeta {
  return {
    id: name,
    lastIncluded: { term, index },
    time: index,
    configuration: { index: 0, configuration: configuration("abc") },
  };
}

function id([term, index]: At): EntryId {
  return { term, index };
}
