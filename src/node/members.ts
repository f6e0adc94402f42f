/** What the options say of the members against what the log says. */

import { membersOf } from "../core/membership.ts";
import type { Configuration, LoggedConfiguration, StoredState } from "../core/types.ts";
import { RaftError } from "../errors.ts";

/**
 * The stored state with the addresses of the options: members may have moved to other hosts while all was stopped. While
 * a cluster is in the configuration that it started from, the ids must be the same: otherwise `RAFT_WRONG_MEMBERS`.
 */
export function withAddresses(bootstrap: Configuration, stored: StoredState): StoredState {
  const wanted = new Map(bootstrap.voters.map((member) => [member.id, member]));
  const update = ({ index, configuration }: LoggedConfiguration): LoggedConfiguration => {
    if (index > 0) return { index, configuration };
    const ids = membersOf(configuration).map(({ id }) => id);
    if (ids.length !== wanted.size || ids.some((id) => !wanted.has(id))) {
      throw new RaftError(
        "RAFT_WRONG_MEMBERS",
        `this data belongs to a cluster of ${ids.join(", ")}, and not of ${[...wanted.keys()].join(", ")}`,
      );
    }
    return { index, configuration: bootstrap };
  };
  const { snapshot } = stored;
  return {
    ...stored,
    configurations: stored.configurations.map(update),
    snapshot: { ...snapshot, configuration: update(snapshot.configuration) },
  };
}
