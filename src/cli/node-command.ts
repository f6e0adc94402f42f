/** `quorate node`: one member of a cluster, in a process of its own. */

import { isRaftError, messageOf } from "../errors.ts";
import { kvStore } from "../kv/store.ts";
import type { Logger } from "../node/logger.ts";
import { RaftNode } from "../node/node.ts";
import { journalStorage } from "../storage/journal.ts";
import { levelStorage } from "../storage/level.ts";
import { TcpTransport } from "../transport/tcp.ts";
import { UsageError } from "./failures.ts";
import type { MemberEvent } from "./member-event.ts";
import { nodeSettings } from "./node-options.ts";
import type { NodeSettings } from "./node-options.ts";
import { watchSignals } from "./signals.ts";

/** Resolves when the member has been told to stop and has; rejects with what it could not go on after. */
export async function node(args: readonly string[]): Promise<number> {
  const settings = nodeSettings(args);
  const stop = settings.stopWithParent ? watchParent() : watchSignals(["SIGINT", "SIGTERM"]);
  try {
    await serve(settings, stop.signal);
    return 0;
  } catch (error) {
    const code = isRaftError(error) ? error.code : "RAFT_INTERNAL";
    report({ type: "failed", code, message: messageOf(error) });
    throw error;
  } finally {
    stop.dispose();
  }
}

async function serve(settings: NodeSettings, stop: AbortSignal): Promise<void> {
  const { listen, tls, insecure, data, storage, stopWithParent: _, ...options } = settings;
  const { id } = options;
  const logger = lineLogger(id);
  const member = await RaftNode.start({
    ...options,
    ...kvStore(),
    storage: storage === "journal" ? journalStorage(data) : levelStorage(data),
    transport: new TcpTransport({ listen, tls, insecure, logger }),
    logger,
  });
  member.on("role", ({ role, term }) => {
    logger.info(`${role} in term ${term}`);
    report({ type: "role", role, term });
  });
  member.on("leader", (leader) => {
    if (leader !== undefined && leader.id !== id) logger.info(`follows ${leader.id}`);
  });
  logger.info(`listens on ${listen}, data in ${data}`);
  report({ type: "started" });

  await stopped(member, stop);
  if (member.failure !== undefined) throw member.failure;
  logger.info("stopped");
}

/** Until it has stopped of itself, or because of `signal`. */
async function stopped(
  member: Pick<RaftNode, "stop" | "once">,
  signal: AbortSignal,
): Promise<void> {
  await new Promise<void>((resolve) => {
    member.once("stopped", () => resolve());
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  await member.stop();
}

/** Fires when the parent lets go of the channel or is no more. Ctrl-C reaches it too, and it decides. */
function watchParent(): { readonly signal: AbortSignal; dispose(): void } {
  if (!process.connected) {
    throw new UsageError("--stop-with-parent needs a parent with an IPC channel");
  }
  const signals = watchSignals(["SIGTERM"]);
  const controller = new AbortController();
  const onDisconnect = (): void => controller.abort();
  process.on("SIGINT", ignore).once("disconnect", onDisconnect);
  return {
    signal: AbortSignal.any([signals.signal, controller.signal]),
    dispose(): void {
      process.off("SIGINT", ignore).off("disconnect", onDisconnect);
      signals.dispose();
    },
  };
}

function ignore(): void {}

function report(event: MemberEvent): void {
  // A parent that has just gone is no reason to fail: we are about to stop.
  if (process.connected) process.send?.(event, undefined, undefined, () => undefined);
}

/** One line for each event, to standard error. */
function lineLogger(id: string): Logger {
  const write = (level: string, message: string): void => {
    process.stderr.write(`${new Date().toISOString()} ${id} ${level} ${message}\n`);
  };
  return {
    info: (message) => write("info ", message),
    warn: (message) => write("warn ", message),
    error: (message) => write("error", message),
  };
}
