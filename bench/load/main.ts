/** A process that makes load over TCP: `main.js quorate|bare ENDPOINT...`. */

import { BareTarget } from "../bare/target.ts";
import { QuorateTarget } from "../quorate/target.ts";
import { serveJobs, tellParent } from "./serve-jobs.ts";

const [kind, ...endpoints] = process.argv.slice(2);
const target = kind === "bare" ? new BareTarget(endpoints[0] ?? "") : new QuorateTarget(endpoints);
serveJobs(target, () => process.exit(0));
tellParent({ type: "ready" });
