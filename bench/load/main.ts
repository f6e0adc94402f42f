/** A process that makes load over TCP: `main.js quorate|bare ENDPOINT...`. Ends when its parent does. */

import { BareTarget } from "../bare/target.ts";
import { QuorateTarget } from "../quorate/target.ts";
import { serveJobs, tellParent } from "./serve-jobs.ts";

const [kind, ...endpoints] = process.argv.slice(2);
serveJobs(kind === "bare" ? new BareTarget(endpoints[0] ?? "") : new QuorateTarget(endpoints));
process.on("disconnect", () => process.exit(0));
tellParent({ type: "ready" });
