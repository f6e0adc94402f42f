/** What the command line says about itself. */

import { readFileSync } from "node:fs";
import { UsageError } from "./failures.ts";

const COMMAND_NAMES = ["start", "demo", "node", "status", "kv"] as const;

export type CommandName = (typeof COMMAND_NAMES)[number];

/** Where `start` puts a cluster, and where `kv` and `status` look for one. */
export const DEFAULT_BASE_PORT = 7101;
export const DEFAULT_ENDPOINTS: readonly string[] = [0, 1, 2].map(
  (offset) => `127.0.0.1:${DEFAULT_BASE_PORT + offset}`,
);

export const HELP = `quorate: a replicated key-value store on Raft

  quorate start     a cluster of three processes on this machine
  quorate demo      kills the leader of such a cluster under load and checks that nothing is lost
  quorate node      one member, for a cluster of several machines
  quorate status    who leads, and how far each member is
  quorate kv        get, put, delete, cas, range

  quorate help COMMAND     all options of a command
  quorate --version

Exit codes: 0 done; 1 failed, with a stable error code, or the answer is no; 2 wrong usage.
`;

const CLIENT_OPTIONS = `  --endpoints LIST          members, host:port,host:port,... (default: those of "quorate start",
                            ${DEFAULT_ENDPOINTS.join(",")})
  --timeout MS              give up after so long (default 5000)
  --json                    for programs
  --tls-cert FILE --tls-key FILE --tls-ca FILE
                            for a cluster with TLS: our certificate, its key, and whom to trust (PEM)
`;

const HELP_OF: Readonly<Record<CommandName, string>> = {
  start: `quorate start [options]

Runs a cluster of three operating-system processes on 127.0.0.1 until Ctrl-C. What was written is there again at the
next start in the same folder. A member that is killed is started again; one that stops by itself stays down.

  --data DIR                where the members keep their data, in DIR/n1 to DIR/n3 (default ./data)
  --base-port PORT          the first of three consecutive ports (default ${DEFAULT_BASE_PORT})
  --storage KIND            see "quorate help node"
  --verbose                 show the members' own logs
  --election-timeout MS     see "quorate help node"
  --heartbeat MS
`,
  demo: `quorate demo [options]

Starts a cluster of three processes in a temporary folder, writes under load, kills the leader with SIGKILL, brings it
back, and checks that every acknowledged write is on every member, once. Exit code 1 if one is not.

  --seed N                  what is written, and in which order (default: chosen and shown)
  --seconds S               how long each of the three phases of load takes (default 3)
  --storage KIND            see "quorate help node"
`,
  node: `quorate node --id ID --peers LIST --data DIR [options]

One member of a cluster, with the key-value store, until SIGINT or SIGTERM. The first start makes the cluster that
--peers names, the same on every member.

  --id ID                   which of --peers this one is
  --peers LIST              all members: id=host:port,id=host:port,...
  --data DIR                where it keeps its data
  --storage level|journal   in what: a LevelDB database, or a journal, which is faster (default level); it cannot be
                            changed afterwards
  --listen HOST:PORT        where it listens (default: its address in --peers)
  --cluster-id ID           members of another cluster are refused (default quorate)
  --tls-cert FILE --tls-key FILE --tls-ca FILE
                            mutual TLS for peers and clients; the certificate's name is the member's id (PEM)
  --insecure                allow to listen beyond loopback without TLS
  --election-timeout MS     the leader is replaced after 1 to 2 times so long without a sign of it (default 500)
  --heartbeat MS            how often it gives one (default 50)
  --snapshot-entries N      take a snapshot after so many log entries (default 100000)
  --check-invariants        check every rule of the algorithm after every step, and stop where one does not hold
  --stop-with-parent        for programs that run members: report over the IPC channel, and stop when it closes
`,
  status: `quorate status [options]

One line for each endpoint: its role, its term, whom it takes for the leader, and how far it is. Exit code 1 if none
answers.

${CLIENT_OPTIONS}`,
  kv: `quorate kv get KEY                         prints the value; exit code 1 where there is none
quorate kv put KEY VALUE
quorate kv delete KEY
quorate kv cas KEY VALUE EXPECTATION       compare-and-set; exit code 1 where the key is otherwise
quorate kv cas KEY --delete EXPECTATION
quorate kv range [START [END]]             keys from START up to but not including END, with their values

Writes take effect once, whatever happens on the way. Where it cannot be known whether one did, it says so.

  --expect VALUE | --expect-absent | --expect-index N
                            the EXPECTATION: the present value, no value, or the log index of the last write
  --number                  values are numbers instead of text; a negative one goes after --: put --number KEY -- -5
  --limit N, --reverse      for range: at most so many (default 100, at most 1000), from the end downwards
  --local                   for get and range: what the member that answers has applied, however old
${CLIENT_OPTIONS}`,
};

export function helpFor(name: CommandName): string {
  return HELP_OF[name];
}

/** The command of that name; throws `UsageError` where there is none. */
export function nameOf(text: string | undefined): CommandName {
  const name = COMMAND_NAMES.find((known) => known === text);
  if (name !== undefined) return name;
  throw new UsageError(
    `there is no command ${JSON.stringify(text)}: the commands are ${COMMAND_NAMES.join(", ")}`,
  );
}

/** The package's version, of the `package.json` two folders above the built one. */
export function version(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
  );
  const found =
    typeof manifest === "object" && manifest !== null && "version" in manifest
      ? manifest.version
      : "unknown";
  return `${String(found)}\n`;
}
