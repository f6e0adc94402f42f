/** What a client is told at its start, its defaults, and what is wrong with it. */

import { addressFrom } from "../address.ts";
import { clockMethods, systemClock } from "../node/clock.ts";
import type { Clock } from "../node/clock.ts";
import { systemRandom } from "../random.ts";
import {
  objectFrom,
  problemsOfCount,
  problemsOfFunction,
  problemsOfMethods,
  problemsOfNames,
  refuse,
  shown,
} from "../shapes.ts";
import type { ClientLink } from "../transport/transport.ts";

/** Where the members are, and how long to wait for them. */
export interface KvClientOptions {
  /** Addresses of members, `host:port`: one is enough, more survive its loss. No duplicates. */
  readonly endpoints: readonly string[];
  /** How to reach them; the client takes it over and closes it with itself. */
  readonly link: ClientLink;
  readonly clock?: Clock | undefined;
  /** A number from 0 up to but not including 1. Spreads clients over nodes, and their retries over time. */
  readonly random?: (() => number) | undefined;
  /** How long a call may take with all its attempts, unless it says otherwise. Default 10 000 ms. */
  readonly deadlineMs?: number | undefined;
  /**
   * How long a node may get nowhere, and may take to be connected to, before another one is tried: it gets somewhere with
   * each answer to the request that has waited for longest. Default 2000 ms.
   */
  readonly attemptTimeoutMs?: number | undefined;
  /** Upper bound of the first wait before a retry; doubles with each. Default 20 ms. */
  readonly retryBaseMs?: number | undefined;
  /** Upper bound of every such wait; after an election the new leader is found a few of them later. Default 200 ms. */
  readonly retryMaxMs?: number | undefined;
  /** Most calls under way; beyond it a call is refused with `RAFT_OVERLOADED`. Default 10 000. */
  readonly maxPending?: number | undefined;
  /** Most of them sent and not answered, and no further one once they have 16 MiB. Default 256. */
  readonly maxInFlight?: number | undefined;
}

/** All options, checked and complete. */
export type ClientSettings = {
  readonly [Name in keyof KvClientOptions]-?: Exclude<KvClientOptions[Name], undefined>;
};

/** Throws `RAFT_INVALID_OPTION` with every problem named. */
export function clientSettingsOf(options: KvClientOptions): ClientSettings {
  objectFrom(options);
  const { endpoints, link, clock = systemClock, random = systemRandom } = options;
  const { deadlineMs = 10_000, attemptTimeoutMs = 2000 } = options;
  const { retryBaseMs = 20, retryMaxMs = 200 } = options;
  const { maxPending = 10_000, maxInFlight = 256 } = options;
  const times = { deadlineMs, attemptTimeoutMs, retryBaseMs, retryMaxMs };
  const counts = { maxPending, maxInFlight };
  const settings = { endpoints, link, clock, random, ...times, ...counts };
  refuse([
    ...problemsOfNames(options, Object.keys(settings)),
    ...problemsOfEndpoints(endpoints),
    // Without one every call would wait for its deadline, and then say that nobody answers.
    ...problemsOfMethods("link", link, ["connect", "close"]),
    ...problemsOfMethods("clock", clock, clockMethods),
    ...problemsOfFunction("random", random),
    ...Object.entries(times).flatMap(([name, value]) => problemsOfTime(name, value)),
    ...Object.entries(counts).flatMap(([name, value]) => problemsOfCount(name, value)),
  ]);
  return settings;
}

/** A time, in milliseconds, that a call or a client is given. */
export function problemsOfTime(name: string, value: unknown): string[] {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return [];
  return [`${name} must be a positive number of milliseconds, not ${shown(value)}`];
}

function problemsOfEndpoints(endpoints: unknown): string[] {
  if (!Array.isArray(endpoints)) {
    return [`endpoints must be a list of addresses, host:port, not ${shown(endpoints)}`];
  }
  if (endpoints.length === 0) return ["endpoints must name at least one address of a member"];
  return endpoints.flatMap((endpoint: unknown, at) => {
    // Nobody listens at port 0: it lets the system choose another.
    const port = typeof endpoint === "string" ? addressFrom(endpoint)?.port : undefined;
    if (port === undefined || port === 0) {
      return [`endpoints must be host:port with a port from 1 to 65535, not ${shown(endpoint)}`];
    }
    return endpoints.indexOf(endpoint) === at ? [] : [`endpoints names ${shown(endpoint)} twice`];
  });
}
