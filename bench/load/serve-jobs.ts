/** The end of a process of the benchmark: lines of JSON from the parent and to it. It ends with the parent. */

import { createInterface } from "node:readline";
import { ClosedLoop } from "./closed-loop.ts";
import type { FromChild, Job, LoadResult } from "./job.ts";
import { OpenLoop } from "./open-loop.ts";
import type { Target } from "./target.ts";

export function tellParent(message: FromChild): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Takes jobs, one at a time, and answers each; `onEnd` when the parent lets go. */
export function serveJobs(target: Target | undefined, onEnd: () => void): void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (target === undefined) return;
    run(target, JSON.parse(line) as Job).then(
      (result) => tellParent({ type: "result", result }),
      (error: unknown) => tellParent({ type: "error", message: String(error) }),
    );
  });
  lines.on("close", onEnd);
  process.stdout.on("error", onEnd);
}

async function run(target: Target, job: Job): Promise<LoadResult> {
  await target.prepare(job);
  const moments = {
    begin: () => tellParent({ type: "begin" }),
    end: () => tellParent({ type: "end" }),
  };
  const { perSecond } = job;
  const loop =
    perSecond === undefined
      ? new ClosedLoop(target, job, moments)
      : new OpenLoop(target, job, perSecond, moments);
  return loop.run();
}
