/** `quorate/testing`: conformance suites for your own storage, transport or state machine, and a store that fails. */

export type { ConformanceCase } from "./conformance.ts";
export { FaultyOrderedStore } from "./faulty-store.ts";
export type { StoreFault } from "./faulty-store.ts";
export { orderedStoreConformance } from "./ordered-store-conformance.ts";
export type { OrderedStoreFixture } from "./ordered-store-conformance.ts";
export { stateMachineConformance } from "./state-machine-conformance.ts";
export type { StateMachineFixture } from "./state-machine-conformance.ts";
export { storageConformance } from "./storage-conformance.ts";
export type { StorageFixture } from "./storage-conformance.ts";
export { transportConformance } from "./transport-conformance.ts";
export type { TransportHarness } from "./transport-conformance.ts";
