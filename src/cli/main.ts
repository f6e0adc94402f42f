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

// Whoever reads our output may leave early, as `head` does.
process.stdout.on("error", () => process.exit(0));

void main();
