/** The shipped store with the shipped client, and the checks that know what a store is. */

import { kvStore } from "../../src/kv/store.ts";
import type { Application } from "../application.ts";
import { KvChecks } from "./checks.ts";
import type { KvOperation } from "./operation.ts";
import { KvWorkload } from "./workload.ts";

export const kvApplication: Application<KvOperation> = {
  member: ({ clock }) => kvStore({ clock }),
  workload: (world) => new KvWorkload(world),
  checks: (ghost) => new KvChecks(ghost),
};
