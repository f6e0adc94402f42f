/** S13, the part that needs no knowledge of the machine: what is applied is what is committed there. */

import type { AppliedCommand } from "../../src/node/state-machine.ts";
import type { Ghost, NodeView } from "./ghost.ts";

/** Whether it is; otherwise that is reported. */
export function checkCommitted(
  ghost: Ghost,
  view: NodeView,
  commands: readonly AppliedCommand[],
): boolean {
  for (const { index, term, payload } of commands) {
    const golden = ghost.golden.at(index)?.entry;
    if (golden === undefined) {
      const text = `${view.id} has applied entry ${index}, which is not committed`;
      ghost.report("S13", text, view.slot);
      return false;
    }
    const isSame =
      golden.kind === "command" &&
      golden.term === term &&
      Buffer.compare(golden.payload, payload) === 0;
    if (isSame) continue;
    const text = `${view.id} has applied another command at ${index} than was committed there`;
    ghost.report("S13", text, view.slot);
    return false;
  }
  return true;
}
