/** The arguments of `quorate node`, checked. */

import { isLoopback } from "../address.ts";
import type { SnapshotPolicy } from "../node/options.ts";
import type { TlsOptions } from "../transport/tcp.ts";
import {
  address,
  integer,
  oneOf,
  parse,
  peers,
  required,
  TLS_OPTIONS,
  tlsFrom,
} from "./arguments.ts";
import type { PeerAddress } from "./arguments.ts";
import { UsageError } from "./failures.ts";

const DAY_MS = 86_400_000;

/** What a member keeps its data in; the first unless told otherwise. */
export const STORAGE_KINDS = ["level", "journal"] as const;
export type StorageKind = (typeof STORAGE_KINDS)[number];

export interface NodeSettings {
  readonly id: string;
  readonly members: readonly PeerAddress[];
  readonly listen: string;
  readonly data: string;
  readonly storage: StorageKind;
  readonly clusterId: string;
  readonly tls: TlsOptions | undefined;
  readonly insecure: boolean;
  readonly electionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly snapshot: Partial<SnapshotPolicy>;
  /** Which of the core's invariants to check after each step; see `RaftOptions`. */
  readonly invariants: "cheap" | "all";
  readonly stopWithParent: boolean;
}

export function nodeSettings(args: readonly string[]): NodeSettings {
  const { values } = parse({
    args: [...args],
    options: {
      id: { type: "string" },
      listen: { type: "string" },
      peers: { type: "string" },
      data: { type: "string" },
      storage: { type: "string" },
      "cluster-id": { type: "string" },
      insecure: { type: "boolean" },
      "election-timeout": { type: "string" },
      heartbeat: { type: "string" },
      "snapshot-entries": { type: "string" },
      "check-invariants": { type: "boolean" },
      "stop-with-parent": { type: "boolean" },
      ...TLS_OPTIONS,
    },
  });
  const id = required("id", values.id);
  const members = peers(required("peers", values.peers));
  const self = members.find((member) => member.id === id);
  if (self === undefined) {
    const ids = members.map((member) => member.id).join(", ");
    throw new UsageError(`--id ${JSON.stringify(id)} is not among --peers: ${ids}`);
  }
  const tls = tlsFrom(values);
  const insecure = values.insecure === true;
  const duration = { min: 1, max: DAY_MS };
  return {
    id,
    members,
    listen: listenAddress(values.listen ?? self.address, tls !== undefined || insecure),
    data: required("data", values.data),
    storage: oneOf("storage", values.storage, STORAGE_KINDS) ?? STORAGE_KINDS[0],
    clusterId: values["cluster-id"] ?? "quorate",
    tls,
    insecure,
    electionTimeoutMs: integer("election-timeout", values["election-timeout"], duration) ?? 500,
    heartbeatIntervalMs: integer("heartbeat", values.heartbeat, duration) ?? 50,
    snapshot: snapshotPolicy(
      integer("snapshot-entries", values["snapshot-entries"], { min: 1, max: 1e9 }),
    ),
    invariants: values["check-invariants"] === true ? "all" : "cheap",
    stopWithParent: values["stop-with-parent"] === true,
  };
}

function listenAddress(listen: string, isProtected: boolean): string {
  const { host } = address("listen", listen, 0);
  if (isProtected || isLoopback(host)) return listen;
  throw new UsageError(
    `RAFT_INSECURE: --listen ${listen} is open to other machines, and without TLS whoever reaches it can read all ` +
      "commands, vote and write to the log: give --tls-cert, --tls-key and --tls-ca, listen on a loopback address, or " +
      "say --insecure if the network itself keeps strangers out",
  );
}

/** A tenth of the entries stays in the log for members that are a little behind. */
function snapshotPolicy(everyEntries: number | undefined): Partial<SnapshotPolicy> {
  if (everyEntries === undefined) return {};
  return { everyEntries, keepEntries: Math.floor(everyEntries / 10) };
}
