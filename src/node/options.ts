/** What a node is told at its start, its defaults, and what is wrong with it. */

import { addressFrom } from "../address.ts";
import { defaultRaftOptions, problemsOf } from "../core/options.ts";
import type { RaftOptions } from "../core/options.ts";
import type { Configuration, NodeId } from "../core/types.ts";
import { systemRandom } from "../random.ts";
import { refuse, shown } from "../shapes.ts";
import type { Storage } from "../storage/storage.ts";
import type { Connection, ConnectionHandler, Transport } from "../transport/transport.ts";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { silentLogger } from "./logger.ts";
import type { Logger } from "./logger.ts";
import type { RaftNode } from "./node.ts";
import { problemsOfShape } from "./option-shapes.ts";
import type { StateMachine } from "./state-machine.ts";

/** Serves the clients that connect to a node's port. `undefined` turns the connection away. */
export type ClientService<Result, Query, Answer> = (
  node: RaftNode<Result, Query, Answer>,
  connection: Connection,
) => ConnectionHandler | undefined;

/**
 * When a snapshot is taken, and how much of the log stays behind it for slow followers. One of more than a megabyte is
 * taken anew only once the log has grown by four times as many bytes since, too: whatever the state's size, snapshots are a
 * fifth of all that is written at the most (thesis 5.1.2).
 */
export interface SnapshotPolicy {
  /** Take one after so many entries since the last: at least 1. */
  readonly everyEntries: number;
  /** Or after so many bytes of commands: at least 1. */
  readonly everyBytes: number;
  /** Keep at most so many entries that the snapshot covers. */
  readonly keepEntries: number;
  /** And at most so many bytes of them. */
  readonly keepBytes: number;
}

/** Bounds of what may wait in a node; beyond them it refuses at once with `RAFT_OVERLOADED`, or drops peers' messages. */
export interface InboxLimits {
  /** Proposals that are not answered yet. */
  readonly maxProposals: number;
  /** Bytes of those among them that have not reached the log; one always fits. */
  readonly maxProposalBytes: number;
  /** Reads that are not answered yet. */
  readonly maxReads: number;
  /** Messages of peers that no turn has seen yet. */
  readonly maxMessages: number;
  /** Bytes of the commands in them; one message always fits. */
  readonly maxMessageBytes: number;
  /** The longest command; a longer one is refused with `RAFT_TOO_LARGE`. */
  readonly maxCommandBytes: number;
}

/** The core's options that a node lets its user choose; see `RaftOptions`. */
export type RaftTuning = Defaulted<Omit<RaftOptions, "id" | "seed">>;

/** Each may be left out, or be `undefined`, which stands for its default. */
type Defaulted<Options> = { readonly [Name in keyof Options]?: Options[Name] | undefined };

/** What `RaftNode.start` takes: those of the core beside its own. */
export interface NodeOptions<
  Result = unknown,
  Query = unknown,
  Answer = unknown,
> extends RaftTuning {
  /** This member's id: one of `members`. */
  readonly id: NodeId;
  /**
   * The members that the cluster starts from, this one included, the same on every member. Read at the first start;
   * later the log knows, and the ids must be those that it has.
   */
  readonly members: readonly { readonly id: NodeId; readonly address: string }[];
  /** Keeps members of different clusters from talking to each other. Default `"quorate"`. */
  readonly clusterId?: string | undefined;
  /** New and empty: the node brings it to the state of its log. */
  readonly machine: StateMachine<Result, Query, Answer>;
  /** A new one, for this node alone, which closes it: a storage is opened once. */
  readonly storage: Storage;
  /** A new one, for this node alone, which closes it: a transport is started once. */
  readonly transport: Transport;
  /** Who serves the clients that connect. By default they are turned away. */
  readonly clients?: ClientService<Result, Query, Answer> | undefined;
  /** What is left out is as in `defaultSnapshotPolicy`. */
  readonly snapshot?: Defaulted<SnapshotPolicy> | undefined;
  /** What is left out is as in `defaultInboxLimits`. */
  readonly inbox?: Defaulted<InboxLimits> | undefined;
  /**
   * By default nothing is logged: not that a peer refuses this member either. That one cannot be reached is said by the
   * transport, to a logger of its own.
   */
  readonly logger?: Logger | undefined;
  /** Default `systemClock`. */
  readonly clock?: Clock | undefined;
  /** At least 0, below 1. Only for the seed of time-outs and for ids that must not collide. */
  readonly random?: (() => number) | undefined;
}

/** All options, checked and complete. */
export interface Settings<Result, Query, Answer> {
  readonly raft: RaftOptions;
  readonly clusterId: string;
  readonly bootstrap: Configuration;
  readonly newStoreId: string;
  readonly machine: StateMachine<Result, Query, Answer>;
  readonly storage: Storage;
  readonly transport: Transport;
  readonly clients: ClientService<Result, Query, Answer> | undefined;
  readonly snapshot: SnapshotPolicy;
  readonly inbox: InboxLimits;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Every 100,000 entries or 64 MiB; 10,000 entries or 16 MiB stay. */
export const defaultSnapshotPolicy: SnapshotPolicy = {
  everyEntries: 100_000,
  everyBytes: 64 * 1024 * 1024,
  keepEntries: 10_000,
  keepBytes: 16 * 1024 * 1024,
};

/**
 * The entries of an append travel in one message, and a transport's frames are bounded: see `Transport`. More would be lost
 * again and again, and the follower never catch up.
 */
const CARRIED_BYTES = 8 * 1024 * 1024;

/** 65,536 proposals with 64 MiB, 65,536 reads, 16,384 messages with 64 MiB; commands of 8 MiB. */
export const defaultInboxLimits: InboxLimits = {
  maxProposals: 65_536,
  maxProposalBytes: 64 * 1024 * 1024,
  maxReads: 65_536,
  maxMessages: 16_384,
  maxMessageBytes: 64 * 1024 * 1024,
  maxCommandBytes: CARRIED_BYTES,
};

/** Throws `RAFT_INVALID_OPTION` with every problem named. */
export function settingsOf<Result, Query, Answer>(
  options: NodeOptions<Result, Query, Answer>,
): Settings<Result, Query, Answer> {
  const groups = { snapshot: defaultSnapshotPolicy, inbox: defaultInboxLimits };
  refuse(problemsOfShape(options, groups, defaultRaftOptions));
  const {
    id,
    members,
    clusterId = "quorate",
    logger = silentLogger,
    clock = systemClock,
  } = options;
  const random = options.random ?? systemRandom;
  const raft: RaftOptions = {
    ...defaultRaftOptions,
    ...given(options, defaultRaftOptions),
    id,
    seed: Math.floor(random() * 2 ** 32),
  };
  const snapshot = {
    ...defaultSnapshotPolicy,
    ...given(options.snapshot ?? {}, defaultSnapshotPolicy),
  };
  const inbox = { ...defaultInboxLimits, ...given(options.inbox ?? {}, defaultInboxLimits) };

  const problems = [
    ...problemsOf(raft),
    ...problemsOfMembers(id, members),
    ...problemsOfNumbers("snapshot", { ...snapshot }, { keepEntries: 0, keepBytes: 0 }),
    ...problemsOfNumbers("inbox", { ...inbox }, {}),
    ...problemsOfCarried("inbox.maxCommandBytes", inbox.maxCommandBytes),
    ...problemsOfCarried("maxAppendBytes", raft.maxAppendBytes),
  ];
  if (clusterId === "" || clusterId.length > 64) {
    problems.push(`clusterId must be 1 to 64 characters, not ${shown(clusterId)}`);
  }
  refuse(problems);
  if (members.length % 2 === 0) {
    logger.warn(
      `${members.length} members tolerate no more failures than ${members.length - 1} do: an odd number is better`,
    );
  }
  return {
    raft,
    clusterId,
    bootstrap: {
      voters: members.map((member) => ({
        id: member.id,
        address: member.address,
        storeId: undefined,
      })),
      votersOutgoing: [],
      learners: [],
    },
    newStoreId: storeIdFrom(random),
    machine: options.machine,
    storage: options.storage,
    transport: options.transport,
    clients: options.clients,
    snapshot,
    inbox,
    logger,
    clock,
    random,
  };
}

function problemsOfCarried(name: string, bytes: number): string[] {
  if (bytes <= CARRIED_BYTES) return [];
  return [`${name} must be at most ${CARRIED_BYTES}, which every transport carries, not ${bytes}`];
}

/** So many 32-bit numbers as text that two are never alike. */
function storeIdFrom(random: () => number): string {
  const words = Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32));
  return words.map((word) => word.toString(16).padStart(8, "0")).join("");
}

/** Those of `options` that have a default and are not `undefined`, which stands for it. */
function given<Values extends object>(
  options: Defaulted<Values>,
  defaults: Values,
): Partial<Values> {
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) => Object.hasOwn(defaults, name) && value !== undefined,
    ),
  ) as Partial<Values>;
}

function problemsOfMembers(id: NodeId, members: NodeOptions["members"]): string[] {
  if (members.length === 0) return ["members must name at least one member"];
  const problems: string[] = [];
  const ids = members.map((member) => member.id);
  const addresses = members.map((member) => member.address);
  for (const each of ids.filter(
    (value) => typeof value !== "string" || value === "" || value.length > 64,
  )) {
    problems.push(`a member's id must be 1 to 64 characters, not ${shown(each)}`);
  }
  for (const each of addresses.filter(
    (value) => typeof value !== "string" || addressFrom(value) === undefined,
  )) {
    problems.push(`a member's address must be host:port, not ${shown(each)}`);
  }
  for (const each of repeated(ids)) problems.push(`members names the id ${shown(each)} twice`);
  for (const each of repeated(addresses))
    problems.push(`members names the address ${shown(each)} twice`);
  if (!ids.includes(id)) {
    problems.push(`id ${shown(id)} is not among the members ${ids.map(shown).join(", ")}`);
  }
  return problems;
}

function repeated(values: readonly string[]): string[] {
  return values.filter((value, at) => values.indexOf(value) !== at);
}

/** Whole numbers of at least 1, but where `least` says otherwise. */
function problemsOfNumbers(
  group: string,
  values: Record<string, number>,
  least: Readonly<Record<string, number>>,
): string[] {
  return Object.entries(values)
    .map(([name, value]) => ({ name, value, min: least[name] ?? 1 }))
    .filter(({ value, min }) => !Number.isSafeInteger(value) || value < min)
    .map(
      ({ name, value, min }) =>
        `${group}.${name} must be a whole number of at least ${min}, not ${shown(value)}`,
    );
}
