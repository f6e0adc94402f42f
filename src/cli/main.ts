#!/usr/bin/env node
/**
 * The command line. Exit codes: 0 done, 1 failed, 2 wrong usage. Results go to standard output, everything else to
 * standard error.
 */

import { describeFailure, exitCodeOf } from "./failures.ts";
import { run } from "./run.ts";

async function main(): Promise<void> {
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${describeFailure(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // Whoever reads our output may leave early, as `head` does. What is lost otherwise was not read by anybody.
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`standard output cannot be written: ${error.message}\n`);
  process.exit(1);
});

// A log that nobody reads any more is no reason for a member to end, and there is nobody who could be told.
process.stderr.on("error", () => undefined);

void main();
