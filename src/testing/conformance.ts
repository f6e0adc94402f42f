/**
 * What the conformance suites have in common: a suite is a list of cases, each a promise that resolves or rejects, so that
 * any test runner can run it.
 *
 * ```ts
 * for (const { name, run } of storageConformance(openFixture)) test(name, run);
 * ```
 */

import assert from "node:assert/strict";
import { isRaftError } from "../errors.ts";
import type { RaftErrorCode } from "../errors.ts";

/** One promise of a contract, to be tested. */
export interface ConformanceCase {
  readonly name: string;
  /** Rejects with an `AssertionError` where the implementation breaks the contract. */
  readonly run: () => Promise<void>;
}

/** `action` rejects with a `RaftError` of this code. */
export async function assertRejects(action: Promise<unknown>, code: RaftErrorCode): Promise<void> {
  await assert.rejects(action, (error: unknown) => {
    assert.ok(isRaftError(error, code), `expected ${code}, got ${String(error)}`);
    return true;
  });
}
