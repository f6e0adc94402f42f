/** A thread of `main.ts`: takes one task after the other. */

import { parentPort } from "node:worker_threads";
import { runSeed } from "./seed-run.ts";
import type { SeedTask } from "./seed-run.ts";

parentPort?.on("message", (task: SeedTask) => {
  runSeed(task).then(
    (result) => parentPort?.postMessage(result),
    (error: unknown) => {
      throw error;
    },
  );
});
