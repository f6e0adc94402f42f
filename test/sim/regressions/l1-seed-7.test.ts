/** Once violated L1: no leader within 20 election timeouts of healing n1 */

import { expect, test } from "vitest";
import type { Schedule } from "../../../sim/schedule.ts";
import { runSchedule } from "../../../sim/simulation.ts";

const schedule = {
  seed: 8,
  profile: "default",
  nodes: 1,
  durationMs: 6000,
  liveness: true,
  raft: {
    electionTimeoutMs: 400,
    heartbeatIntervalMs: 50,
  },
  snapshot: {},
  network: {
    mode: "datagram",
    minDelayUs: 500,
    maxDelayUs: 1000,
    tailPpm: 0,
    tailDelayUs: 20000,
    lossPpm: 0,
    duplicatePpm: 0,
    capacity: 1000,
    bytesPerMs: 0,
  },
  disk: {
    readMinUs: 10,
    readMaxUs: 50,
    syncMinUs: 200,
    syncMaxUs: 1000,
  },
  clocks: [
    {
      offsetUs: 0,
      driftPpm: 0,
      turnCostUs: 0,
    },
  ],
  clients: [
    {
      attemptTimeoutMs: 300,
      retryBaseMs: 20,
    },
  ],
  operations: [
    {
      id: 106,
      atMs: 3791,
      client: 0,
      type: "put",
      key: 0,
      deadlineMs: 2000,
    },
  ],
  faults: [
    {
      when: {
        type: "at",
        atMs: 1888,
      },
      action: {
        type: "disk-fail",
        target: 0,
        code: "ENOSPC",
        isApplied: true,
        downMs: 1,
      },
      id: 48,
    },
    {
      when: {
        type: "at",
        atMs: 2148,
      },
      action: {
        type: "disk-stall",
        target: 0,
        forMs: 5000,
      },
      id: 49,
    },
  ],
} as Schedule;

test("L1 holds, 1 nodes, seed 8", async () => {
  const { violation } = await runSchedule(schedule);
  expect(violation).toBeUndefined();
});
