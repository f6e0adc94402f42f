/** Whether an `OrderedStore` keeps its contract (see storage/ordered-store). */

import assert from "node:assert/strict";
import type { OrderedStore, StoreOperation, StoreRange } from "../storage/ordered-store.ts";
import { assertRejects } from "./conformance.ts";
import type { ConformanceCase } from "./conformance.ts";

/** One set of data, empty at first. */
export interface OrderedStoreFixture {
  /** A new handle on the data, not open yet. */
  readonly create: () => OrderedStore;
  /** Ends the process that has the data open, as it were, with the machine: what is not synced may be lost. */
  readonly crash?: () => Promise<void>;
  /** Removes the data. All handles are closed or crashed. */
  readonly dispose: () => Promise<void>;
}

type Body = (store: OrderedStore, fixture: OrderedStoreFixture) => Promise<void>;

/**
 * The cases, each on data of its own. `canCrash`: whether the fixtures have `crash`; where not, the case about crashes is left
 * out.
 */
export function orderedStoreConformance(
  createFixture: () => Promise<OrderedStoreFixture>,
  { canCrash }: { readonly canCrash: boolean },
): readonly ConformanceCase[] {
  const bodies: Record<string, Body> = {
    "a key that was never put is undefined": missingKey,
    "a batch applies its operations in order": operationsInOrder,
    "a range is ascending by code unit, half open, limited": ascendingRange,
    "a reverse range starts below its upper bound": reverseRange,
    "keys are those of the range": keysOnly,
    "an empty value is a value": emptyValue,
    "what was written is found after a reopen": reopen,
    "a second handle is refused while the first is open": locked,
    "close is idempotent": closeTwice,
    ...(canCrash ? { "a crash keeps what was synced and all before it": crash } : {}),
  };
  return Object.entries(bodies).map(([name, body]) => ({
    name: `ordered store: ${name}`,
    run: () => runOn(createFixture, body),
  }));
}

async function runOn(createFixture: () => Promise<OrderedStoreFixture>, body: Body): Promise<void> {
  const fixture = await createFixture();
  const store = fixture.create();
  await store.open();
  try {
    await body(store, fixture);
  } finally {
    await store.close();
    await fixture.dispose();
  }
}

async function missingKey(store: OrderedStore): Promise<void> {
  assert.equal(await store.get("missing"), undefined);
  assert.deepEqual(await store.range({ gte: "a", lt: "z", limit: 10 }), []);
}

async function operationsInOrder(store: OrderedStore): Promise<void> {
  await store.batch([put("a", 1), del("a"), put("b", 1), put("b", 2), del("c"), put("c", 3)], {
    sync: true,
  });
  assert.deepEqual(await contents(store, { gte: "a", lt: "z", limit: 10 }), ["b=2", "c=3"]);
}

async function ascendingRange(store: OrderedStore): Promise<void> {
  await store.batch(
    ["a/2", "a", "a0", "a/1", "b"].map((key) => put(key, 1)),
    { sync: false },
  );
  const range = { gte: "a", lt: "b", limit: 10 };
  assert.deepEqual(await contents(store, range), ["a=1", "a/1=1", "a/2=1", "a0=1"]);
  assert.deepEqual(await contents(store, { gte: "a/", lt: "a0", limit: 10 }), ["a/1=1", "a/2=1"]);
  assert.deepEqual(await contents(store, { ...range, limit: 2 }), ["a=1", "a/1=1"]);
}

async function reverseRange(store: OrderedStore): Promise<void> {
  await store.batch(
    ["a", "b", "c", "d"].map((key) => put(key, 1)),
    { sync: false },
  );
  const range = { gte: "b", lt: "d", reverse: true, limit: 10 };
  assert.deepEqual(await contents(store, range), ["c=1", "b=1"]);
  assert.deepEqual(await contents(store, { ...range, limit: 1 }), ["c=1"]);
  assert.deepEqual(await contents(store, { ...range, gte: "e", lt: "f" }), []);
  assert.deepEqual(await contents(store, { ...range, lt: "cc", limit: 1 }), ["c=1"]);
}

async function keysOnly(store: OrderedStore): Promise<void> {
  await store.batch(
    ["a", "b", "c"].map((key) => put(key, 1)),
    { sync: false },
  );
  assert.deepEqual(await store.keys({ gte: "a", lt: "c", limit: 10 }), ["a", "b"]);
  assert.deepEqual(await store.keys({ gte: "a", lt: "d", reverse: true, limit: 2 }), ["c", "b"]);
}

async function emptyValue(store: OrderedStore): Promise<void> {
  await store.batch([{ type: "put", key: "a", value: new Uint8Array(0) }], { sync: true });
  assert.equal((await store.get("a"))?.length, 0);
}

async function reopen(store: OrderedStore, fixture: OrderedStoreFixture): Promise<void> {
  await store.batch([put("a", 1)], { sync: true });
  await store.batch([put("b", 2)], { sync: false });
  await store.close();
  const again = fixture.create();
  await again.open();
  try {
    assert.deepEqual(await contents(again, { gte: "a", lt: "z", limit: 10 }), ["a=1", "b=2"]);
  } finally {
    await again.close();
  }
}

async function locked(_store: OrderedStore, fixture: OrderedStoreFixture): Promise<void> {
  const second = fixture.create();
  await assertRejects(second.open(), "RAFT_LOCKED");
  await second.close();
}

async function closeTwice(store: OrderedStore): Promise<void> {
  await store.close();
  await store.close();
}

async function crash(store: OrderedStore, fixture: OrderedStoreFixture): Promise<void> {
  await store.batch([put("a", 1)], { sync: false });
  await store.batch([put("b", 2)], { sync: true });
  await store.batch([put("c", 3)], { sync: false });
  await store.batch([put("d", 4)], { sync: false });
  await fixture.crash?.();
  const again = fixture.create();
  await again.open();
  try {
    const found = await contents(again, { gte: "a", lt: "z", limit: 10 });
    const expected = ["a=1", "b=2", "c=3", "d=4"];
    assert.deepEqual(found, expected.slice(0, Math.max(2, found.length)));
  } finally {
    await again.close();
  }
}

function put(key: string, value: number): StoreOperation {
  return { type: "put", key, value: Uint8Array.of(value) };
}

function del(key: string): StoreOperation {
  return { type: "del", key };
}

async function contents(store: OrderedStore, range: StoreRange): Promise<readonly string[]> {
  const records = await store.range(range);
  return records.map(({ key, value }) => `${key}=${value.join()}`);
}
