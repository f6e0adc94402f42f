/** From arguments to a command. Commands are loaded when they are run, so that the small ones start fast. */

import { UsageError } from "./failures.ts";
import { HELP, helpFor, nameOf, version } from "./help.ts";
import type { CommandName } from "./help.ts";

type Command = (args: readonly string[]) => Promise<number>;

const COMMANDS: Readonly<Record<CommandName, Command>> = {
  start: async (args) => (await import("./start-command.ts")).start(args),
  demo: async (args) => (await import("./demo-command.ts")).demo(args),
  node: async (args) => (await import("./node-command.ts")).node(args),
  status: async (args) => (await import("./status-command.ts")).status(args),
  kv: async (args) => (await import("./kv-command.ts")).kv(args),
};

/** Resolves with the exit code. Rejects with `UsageError` for what it cannot read, anything else for what has failed. */
export async function run(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined) {
    process.stderr.write(HELP);
    return 2;
  }
  if (first === "--version" || first === "-v") return print(version());
  if (first === "--help" || first === "-h") return print(HELP);
  if (first === "help") return print(rest[0] === undefined ? HELP : helpFor(nameOf(rest[0])));
  const name = nameOf(first);
  const options = optionsIn(rest);
  if (options.includes("--help") || options.includes("-h")) return print(helpFor(name));
  try {
    return await COMMANDS[name](rest);
  } catch (error) {
    if (error instanceof UsageError) error.command = name;
    throw error;
  }
}

/** What comes after `--` is nobody's option: a value may be "-h". */
function optionsIn(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end < 0 ? args : args.slice(0, end);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
