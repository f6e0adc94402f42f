/** Three cores in memory with nothing around them: what is to be written is durable at once, what is sent arrives at once. */

import { defaultRaftOptions, Raft } from "../../src/core/index.ts";
import type { Configuration, Input, Ready, StoredState } from "../../src/core/index.ts";

const IDS = ["n1", "n2", "n3"];

const CONFIGURATION: Configuration = {
  voters: IDS.map((id) => ({ id, address: `${id}:1`, storeId: undefined })),
  votersOutgoing: [],
  learners: [],
};

const EMPTY: StoredState = {
  hardState: { currentTerm: 0, votedFor: undefined, commitIndex: 0 },
  snapshot: {
    id: "",
    lastIncluded: { term: 0, index: 0 },
    time: 0,
    configuration: { index: 0, configuration: CONFIGURATION },
  },
  compacted: { term: 0, index: 0 },
  lastIndex: 0,
  lastTime: 0,
  runs: [],
  configurations: [{ index: 0, configuration: CONFIGURATION }],
};

interface Server {
  readonly raft: Raft;
  hasInput: boolean;
}

export class CoreGroup {
  readonly #servers: ReadonlyMap<string, Server>;
  readonly #leader: Server;
  #now = 0;
  #batch = 0;

  /** With the first for a leader. */
  constructor() {
    this.#servers = new Map(
      IDS.map((id, n) => {
        const options = { ...defaultRaftOptions, id, seed: n + 1 };
        return [id, { raft: Raft.open(options, EMPTY, 0), hasInput: false }];
      }),
    );
    const [first] = this.#servers.values();
    if (first === undefined) throw new Error("there is no server");
    this.#leader = first;
    this.#now = first.raft.deadline;
    this.#step(first, { type: "tick" });
    this.#settle();
    if (first.raft.state.role !== "leader") throw new Error("nobody was elected");
  }

  /** Proposes them together and goes on until all three cores are at rest. */
  propose(commands: readonly Uint8Array[]): void {
    this.#batch += 1;
    this.#step(this.#leader, { type: "propose", batch: this.#batch, commands });
    this.#settle();
  }

  /** Applied by the leader. */
  get applied(): number {
    return this.#leader.raft.state.lastApplied;
  }

  #step(server: Server, input: Input): void {
    server.raft.step(this.#now, input);
    server.hasInput = true;
  }

  #settle(): void {
    let isBusy = true;
    while (isBusy) {
      isBusy = false;
      for (const server of this.#servers.values()) {
        if (!server.hasInput) continue;
        isBusy = true;
        server.hasInput = false;
        this.#act(server, server.raft.takeReady());
      }
    }
  }

  #act(server: Server, { write, apply, messages }: Ready): void {
    if (write !== undefined) this.#step(server, { type: "persisted", sequence: write.sequence });
    if (apply?.type === "entries") this.#step(server, { type: "applied", index: apply.to });
    for (const message of messages) {
      const receiver = this.#servers.get(message.to);
      if (receiver !== undefined) this.#step(receiver, { type: "message", message });
    }
  }
}
