/** The cache of the search. */

import { describe, expect, test } from "vitest";
import { Configurations, NO_CONFIGURATION, SEEN } from "../../sim/configurations.ts";

describe("configurations of a search", () => {
  test("that collide in their hash are told apart", () => {
    const placed = new Configurations({ completed: 40, unknown: 3, hash: () => 0 });
    const root = { parent: NO_CONFIGURATION, operation: 0 };
    const add = (state: number, firstOpen: number, lastPlaced: number): number =>
      placed.add(state, { firstOpen, lastPlaced }, root);

    placed.toggle(1);
    expect(add(1, 0, 1)).not.toBe(SEEN);
    expect(add(2, 0, 1)).not.toBe(SEEN);
    placed.toggle(2);
    expect(add(1, 0, 2)).not.toBe(SEEN);
    placed.toggle(41);
    expect(add(1, 0, 2)).not.toBe(SEEN);
    placed.toggle(35);
    expect(add(1, 0, 35)).not.toBe(SEEN);
    expect(placed.count).toBe(5);

    placed.toggle(35);
    expect(add(1, 0, 2)).toBe(SEEN);
    placed.toggle(41);
    expect(add(1, 0, 2)).toBe(SEEN);
    placed.toggle(2);
    expect(add(2, 0, 1)).toBe(SEEN);
    expect(placed.count).toBe(5);
  });

  test("know the way that led to them", () => {
    const placed = new Configurations({ completed: 3, unknown: 0 });
    const span = { firstOpen: 0, lastPlaced: 2 };
    placed.toggle(2);
    const first = placed.add(1, span, { parent: NO_CONFIGURATION, operation: 2 });
    placed.toggle(1);
    const second = placed.add(1, span, { parent: first, operation: 1 });
    expect(placed.pathTo(second)).toEqual([2, 1]);
    expect(placed.pathTo(NO_CONFIGURATION)).toEqual([]);
  });
});
