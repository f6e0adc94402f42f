/** A property of the simulator's list does not hold. */

export class Violation extends Error {
  override readonly name = "Violation";
  readonly property: string;

  constructor(property: string, text: string) {
    super(text);
    this.property = property;
  }
}

export function must(condition: boolean, property: string, text: () => string): void {
  if (!condition) throw new Violation(property, text());
}
