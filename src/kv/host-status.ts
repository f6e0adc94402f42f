/** What a client may know of a node: the part of its status that travels, and how. */

import type { RaftStatus } from "../core/status.ts";
import type { LogIndex, NodeId, Role, Term } from "../core/types.ts";
import { configurationFromArray, configurationToArray } from "../entry-codec.ts";
import { RaftError } from "../errors.ts";
import type { LeaderHint } from "../errors.ts";
import type { Configuration } from "../core/types.ts";
import { leaderHintFrom } from "./protocol.ts";

/** A node's own account of itself, at the time that it was asked. */
export interface KvStatus {
  readonly id: NodeId;
  readonly address: string;
  readonly role: Role;
  readonly currentTerm: Term;
  /** Whom it takes for the leader; itself, where it leads. */
  readonly leaderHint: LeaderHint | undefined;
  readonly commitIndex: LogIndex;
  readonly lastApplied: LogIndex;
  /** The first entry that is still in the log. */
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly snapshotIndex: LogIndex;
  readonly configuration: Configuration;
}

/** What the server needs of a node's status. */
export type HostStatus = RaftStatus & {
  readonly address: string;
  readonly leaderHint: LeaderHint | undefined;
};

const ROLES: readonly Role[] = ["follower", "pre-candidate", "candidate", "leader"];

export function statusToArray(status: HostStatus): readonly unknown[] {
  const { leaderHint } = status;
  return [
    status.id,
    status.address,
    status.role,
    leaderHint === undefined ? null : [leaderHint.id, leaderHint.address],
    configurationToArray(status.configuration),
    status.currentTerm,
    status.commitIndex,
    status.lastApplied,
    status.firstIndex,
    status.lastIndex,
    status.snapshotIndex,
  ];
}

/** The reverse; throws `RAFT_BAD_FRAME` where the value is anything else. */
export function statusFrom(value: unknown): KvStatus {
  if (!Array.isArray(value) || value.length !== 11) throw malformed();
  const [id, address, role, hint, configuration, ...numbers]: readonly unknown[] = value;
  const [currentTerm, commitIndex, lastApplied, firstIndex, lastIndex, snapshotIndex] =
    numbers.map(naturalFrom);
  if (typeof id !== "string" || typeof address !== "string" || !isRole(role)) throw malformed();
  if (currentTerm === undefined || commitIndex === undefined || lastApplied === undefined) {
    throw malformed();
  }
  if (firstIndex === undefined || lastIndex === undefined || snapshotIndex === undefined) {
    throw malformed();
  }
  return {
    id,
    address,
    role,
    currentTerm,
    leaderHint: leaderHintFrom(hint),
    commitIndex,
    lastApplied,
    firstIndex,
    lastIndex,
    snapshotIndex,
    configuration: configurationFromArray(configuration),
  };
}

function isRole(value: unknown): value is Role {
  return ROLES.some((role) => role === value);
}

function naturalFrom(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw malformed();
  return value;
}

function malformed(): RaftError {
  return new RaftError("RAFT_BAD_FRAME", "not the status of a node");
}
