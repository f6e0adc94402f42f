/** A process that makes load over TCP: `main.js quorate|bare|redis ENDPOINT...`. */

import { BareTarget } from "../bare/target.ts";
import { QuorateTarget } from "../quorate/target.ts";
import { RedisTarget } from "../redis/target.ts";
import { serveJobs, tellParent } from "./serve-jobs.ts";
import type { Target } from "./target.ts";

const [kind, ...endpoints] = process.argv.slice(2);
serveJobs(targetOf(), () => process.exit(0));
tellParent({ type: "ready" });

function targetOf(): Target {
  if (kind === "bare") return new BareTarget(endpoints[0] ?? "");
  if (kind === "redis") return new RedisTarget(endpoints[0] ?? "");
  return new QuorateTarget(endpoints);
}
