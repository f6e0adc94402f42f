/** What the entry points export is enough for a program of one's own under the strictest of compilers. */

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Nothing in it has a type of its own: the declarations of what it exports take the names of the library's. */
const PROGRAM = `
import { MemoryDisk, MemoryNetwork, RaftNode, memoryStorage } from "quorate";
import type { StateMachine } from "quorate";
import { Raft, defaultRaftOptions } from "quorate/core";
import { journalStorage } from "quorate/journal";
import { KvClient, kvStore } from "quorate/kv";
import { levelStorage } from "quorate/level";
import { simulate } from "quorate/sim";
import type { SimulateOptions } from "quorate/sim";
import { FileGuard, LogStore } from "quorate/storage";
import type { OpenedStorage } from "quorate/storage";
import { TcpClientLink, TcpTransport } from "quorate/tcp";
import { decodeMessage } from "quorate/transport";

export const network = new MemoryNetwork({ clock: undefined, logger: undefined });
export const link = network.clientLink("client");
export const transport = network.transport("a:1");
export const disk = new MemoryDisk();
export const storage = memoryStorage(disk);
export const guarded = new LogStore(disk.orderedStore(), new FileGuard("guard"));
export const level = (): object => levelStorage("data", { writeBufferBytes: undefined });
export const journal = (): object => journalStorage("data", { inlineWrites: undefined });
export const tcp = new TcpTransport({ listen: "127.0.0.1:0", limits: { maxClients: undefined } });
export const start = () =>
  RaftNode.start({ id: "a", members: [{ id: "a", address: "a:1" }], storage, transport, ...kvStore() });
export const state = async () => (await start()).state;
export const status = async () => (await start()).status();
export const client = KvClient.connect({ endpoints: ["a:1"], link: new TcpClientLink() });
export const put = client.put("key", 1);
export const raft = ({ state }: OpenedStorage) =>
  Raft.open({ ...defaultRaftOptions, id: "a", seed: 1 }, state, 0);
export const log = (opened: OpenedStorage) => raft(opened).state.log;
export const leadership = (opened: OpenedStorage) => raft(opened).state.leadership;
export const progress = (opened: OpenedStorage) => leadership(opened)?.progress.get("b");
export const encoded = (opened: OpenedStorage) => raft(opened).takeReady().write?.entries[0]?.encoded;
export const message = decodeMessage(new Uint8Array());
export const run = <Machine extends StateMachine>(options: SimulateOptions<Machine>) =>
  simulate({ ...options, profile: undefined });
export const digest = (options: SimulateOptions<StateMachine>) => options.digest;
`;

const OPTIONS = {
  strict: true,
  exactOptionalPropertyTypes: true,
  declaration: true,
  emitDeclarationOnly: true,
  skipLibCheck: true,
  // As if it had been installed: what is outside of `node_modules` could be named by its path.
  preserveSymlinks: true,
  target: "es2022",
  module: "nodenext",
  outDir: "out",
  rootDir: ".",
  typeRoots: [join(root, "node_modules", "@types")],
  types: ["node"],
};

test("whatever a program gets from the library it can declare, and what it may leave out may be undefined", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quorate-exports-"));
  try {
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules", "quorate"));
    writeFileSync(join(folder, "program.mts"), PROGRAM);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: OPTIONS, files: ["program.mts"] }),
    );
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const run = promisify(execFile)(process.execPath, [tsc, "-p", folder]);
    expect(await run.catch((error: unknown) => error)).toEqual({ stdout: "", stderr: "" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
