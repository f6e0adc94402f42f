/** A cluster of operating-system processes on this machine, each of them a `quorate node`. */

import { EventEmitter, on } from "node:events";
import { join } from "node:path";
import { onAbort } from "../abort.ts";
import type { NodeId, Term } from "../core/types.ts";
import { RaftError } from "../errors.ts";
import type { MemberEvent } from "./member-event.ts";
import { MemberProcess } from "./member-process.ts";
import type { MemberExit } from "./member-process.ts";

export const MEMBER_IDS: readonly NodeId[] = ["n1", "n2", "n3"];

export interface LocalClusterOptions {
  /** Member n1 keeps its data in `folder`/n1, and so on. */
  readonly folder: string;
  /** The first of three consecutive ports. */
  readonly basePort: number;
  /** More arguments for each member. */
  readonly nodeArguments?: readonly string[];
  /** The built command line. */
  readonly program: string;
}

export interface Leadership {
  readonly id: NodeId;
  readonly term: Term;
}

export interface LocalClusterEvents {
  /** A member says that it leads, in a higher term than any before. */
  leader: [leadership: Leadership];
  /** A member's process has ended, whoever wanted that. */
  exited: [exit: MemberExit];
  /** A line of a member's log. */
  log: [line: string];
}

export class LocalCluster extends EventEmitter<LocalClusterEvents> {
  readonly addresses: ReadonlyMap<NodeId, string>;
  readonly #options: LocalClusterOptions;
  readonly #members = new Map<NodeId, MemberProcess>();
  #leadership: Leadership | undefined;
  #highestTerm: Term = 0;

  /** Starts nothing yet. */
  constructor(options: LocalClusterOptions) {
    super();
    this.#options = options;
    this.addresses = new Map(
      MEMBER_IDS.map((id, offset) => [id, `127.0.0.1:${options.basePort + offset}`]),
    );
  }

  get endpoints(): readonly string[] {
    return [...this.addresses.values()];
  }

  /** The member that leads, as far as the members have said. */
  get leadership(): Leadership | undefined {
    return this.#leadership;
  }

  pidOf(id: NodeId): number | undefined {
    return this.#members.get(id)?.pid;
  }

  /**
   * All members; resolves when all listen. Where one cannot, stops the others and rejects with that one's error; where
   * `signal` fires before they do, stops them all and rejects.
   */
  async start(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const leave = signal === undefined ? undefined : onAbort(signal, () => void this.stop());
    try {
      await Promise.all(MEMBER_IDS.map((id) => this.launch(id)));
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      leave?.();
    }
  }

  /** Starts a member that is not running; resolves when it listens, rejects with the error that it reports. */
  async launch(id: NodeId): Promise<void> {
    if (this.#members.has(id)) throw new Error(`${id} is running already`);
    const { folder, nodeArguments = [], program } = this.#options;
    const peers = [...this.addresses].map(([peer, address]) => `${peer}=${address}`).join(",");
    const member = new MemberProcess(id, {
      program,
      arguments: ["--peers", peers, "--data", join(folder, id), ...nodeArguments],
      onEvent: (event) => this.#onEvent(id, event),
      onLine: (line) => this.emit("log", line),
    });
    this.#members.set(id, member);
    void member.exited.then((exit) => {
      this.#members.delete(id);
      if (this.#leadership?.id === id) this.#leadership = undefined;
      this.emit("exited", exit);
    });
    await member.started;
  }

  /** Resolves when the process is gone. */
  async kill(id: NodeId): Promise<void> {
    await this.#members.get(id)?.kill();
  }

  /** A leader of a term above `term`. Rejects with `RAFT_TIMEOUT` where there is none within `timeoutMs`. */
  async leaderAfter(term: Term, timeoutMs: number): Promise<Leadership> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const found = (): Leadership | undefined =>
      this.#leadership !== undefined && this.#leadership.term > term ? this.#leadership : undefined;
    try {
      let leadership = found();
      if (leadership !== undefined) return leadership;
      for await (const _ of on(this, "leader", { signal: timeout })) {
        leadership = found();
        if (leadership !== undefined) return leadership;
      }
    } catch (cause) {
      if (!timeout.aborted) throw cause;
    }
    throw new RaftError("RAFT_TIMEOUT", `no leader within ${timeoutMs} ms`);
  }

  /** Stops all members cleanly, or by force where one does not follow within a few seconds. Idempotent. */
  async stop(): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.stop()));
  }

  #onEvent(id: NodeId, event: MemberEvent): void {
    if (event.type !== "role") return;
    if (event.role !== "leader") {
      if (this.#leadership?.id === id) this.#leadership = undefined;
      return;
    }
    if (event.term <= this.#highestTerm) return;
    this.#highestTerm = event.term;
    this.#leadership = { id, term: event.term };
    this.emit("leader", this.#leadership);
  }
}
