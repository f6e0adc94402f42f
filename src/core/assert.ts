/** Assertions: for what cannot happen. A failed one stops the node; bad input is a `RaftError` at the edge instead. */

/** A rule of the algorithm does not hold: this program is wrong, or its disk or its peers broke their contract. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

export function assert(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new InvariantViolation(rule);
}

/** Ends a `switch` over a discriminated union: the compiler knows that nothing comes here. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`unreachable: ${String(value)}`);
}
