/** The end of a forked process that makes load: takes jobs from the parent, one at a time, and answers each. */

import { ClosedLoop } from "./closed-loop.ts";
import type { FromChild, Job } from "./job.ts";
import type { Target } from "./target.ts";

/** Nothing, once the parent has let go. */
export function tellParent(message: FromChild): void {
  if (process.connected) process.send?.(message);
}

export function serveJobs(target: Target): void {
  process.on("message", (job: Job) => {
    void run(target, job).catch((error: unknown) =>
      tellParent({ type: "error", message: String(error) }),
    );
  });
}

async function run(target: Target, job: Job): Promise<void> {
  await target.prepare(job);
  const loop = new ClosedLoop(target, job, {
    begin: () => tellParent({ type: "begin" }),
    end: () => tellParent({ type: "end" }),
  });
  tellParent({ type: "result", result: await loop.run() });
}
