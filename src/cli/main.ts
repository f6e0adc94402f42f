#!/usr/bin/env node
/**
 * The command line. Exit codes: 0 done, 1 failed, 2 wrong usage. Results go to standard output, everything else to
 * standard error.
 */

import { demo } from "./demo-command.ts";
import { describeFailure, exitCodeOf } from "./failures.ts";
import { HELP, helpFor, nameOf, version } from "./help.ts";
import type { CommandName } from "./help.ts";
import { kv } from "./kv-command.ts";
import { node } from "./node-command.ts";
import { start } from "./start-command.ts";
import { status } from "./status-command.ts";

/** Resolves with the exit code. Rejects with `UsageError` for what it cannot read, anything else for what has failed. */
type Command = (args: readonly string[]) => Promise<number>;

const COMMANDS: Readonly<Record<CommandName, Command>> = { node, kv, status, start, demo };

async function run(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined) {
    process.stderr.write(HELP);
    return 2;
  }
  if (first === "--version" || first === "-v") return print(version());
  if (first === "--help" || first === "-h") return print(HELP);
  if (first === "help") return print(rest[0] === undefined ? HELP : helpFor(nameOf(rest[0])));
  const name = nameOf(first);
  if (rest.includes("--help") || rest.includes("-h")) return print(helpFor(name));
  return await COMMANDS[name](rest);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

async function main(): Promise<void> {
  // The library's timers do not keep a process alive, and a client that waits for a retry has nothing else.
  const alive = setInterval(() => undefined, 2 ** 30);
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${describeFailure(error)}\n`);
    process.exitCode = exitCodeOf(error);
  } finally {
    clearInterval(alive);
  }
}

// Whoever reads our output may leave early, as `head` does.
process.stdout.on("error", () => process.exit(0));

void main();
