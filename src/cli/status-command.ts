/** `quorate status`: what each endpoint says of itself. */

import { isRaftError, RaftError } from "../errors.ts";
import { KvClient } from "../kv/client.ts";
import type { KvStatus } from "../kv/index.ts";
import { systemClock } from "../node/clock.ts";
import { TcpClientLink } from "../transport/tcp.ts";
import type { ClientLink } from "../transport/transport.ts";
import { parse } from "./arguments.ts";
import { CLIENT_OPTIONS, clientSettings } from "./client-options.ts";
import type { ClientSettings } from "./client-options.ts";
import { describeFailure, withCause } from "./failures.ts";
import { print, style, table } from "./terminal.ts";

type Report =
  | { readonly endpoint: string; readonly status: KvStatus }
  | { readonly endpoint: string; readonly error: RaftError };

/** 0 where at least one has answered. */
export async function status(args: readonly string[]): Promise<number> {
  const settings = clientSettings(parse({ args: [...args], options: CLIENT_OPTIONS }).values);
  const reports = await Promise.all(settings.endpoints.map((endpoint) => ask(endpoint, settings)));
  print(settings.json ? JSON.stringify(reports.map(toJson)) : toText(reports));
  return reports.some((report) => "status" in report) ? 0 : 1;
}

/** One attempt: what refuses the connection now is of interest, not whether it comes up within the timeout. */
async function ask(endpoint: string, { timeoutMs, tls }: ClientSettings): Promise<Report> {
  const link = new TcpClientLink({ clock: systemClock, tls });
  const failed = new AbortController();
  const once: ClientLink = {
    connect: async (...target) => {
      try {
        return await link.connect(...target);
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    },
    close: () => link.close(),
  };
  const client = KvClient.connect({ endpoints: [endpoint], link: once, deadlineMs: timeoutMs });
  try {
    return { endpoint, status: await client.status({ signal: failed.signal }) };
  } catch (error) {
    const reason: unknown = failed.signal.aborted ? failed.signal.reason : error;
    if (isRaftError(reason)) return { endpoint, error: reason };
    return { endpoint, error: new RaftError("RAFT_CONNECTION_LOST", String(reason)) };
  } finally {
    await client.close();
  }
}

function toJson(report: Report): unknown {
  const { endpoint } = report;
  if ("error" in report) {
    const { code } = report.error;
    return { endpoint, reachable: false, error: { code, message: withCause(report.error) } };
  }
  const { leaderHint, configuration, ...rest } = report.status;
  return { endpoint, reachable: true, ...rest, leader: leaderHint ?? null, configuration };
}

const HEADINGS = [
  "MEMBER",
  "ADDRESS",
  "ROLE",
  "TERM",
  "LEADER",
  "COMMIT",
  "APPLIED",
  "LOG",
  "SNAPSHOT",
];

function toText(reports: readonly Report[]): string {
  const lines = table([HEADINGS, ...reports.map(rowOf)]).split("\n");
  return lines.map((line, at) => decorate(line, reports[at - 1])).join("\n");
}

function rowOf(report: Report): readonly string[] {
  if ("error" in report) return ["-", report.endpoint, "unreachable"];
  const { id, address, role, currentTerm, leaderHint, commitIndex } = report.status;
  const { lastApplied, firstIndex, lastIndex, snapshotIndex } = report.status;
  return [
    id,
    address,
    role,
    String(currentTerm),
    leaderHint?.id ?? "none",
    String(commitIndex),
    String(lastApplied),
    lastIndex < firstIndex ? "empty" : `${firstIndex}-${lastIndex}`,
    snapshotIndex === 0 ? "none" : `at ${snapshotIndex}`,
  ];
}

function decorate(line: string, report: Report | undefined): string {
  if (report === undefined) return style("bold", line);
  if ("error" in report) return style("red", `${line} (${describeFailure(report.error)})`);
  return report.status.role === "leader" ? style("green", line) : line;
}
