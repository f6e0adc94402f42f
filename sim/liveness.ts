/**
 * After the storm: a random core that holds a quorum is healed and restarted, every other fault is frozen, the rest is
 * dead. Then within a bound there must be a leader (L1), equal state (L3), a write and a read by every client (L2), equal state again,
 * silence but for heartbeats (L5), no further change of leader (L4) but one that is asked for (L6). And S24: what waits in
 * a node at rest is nothing.
 */

import type { RaftState } from "../src/core/state.ts";
import { Rng } from "./random.ts";
import type { Simulation } from "./simulation.ts";

/** In maximum election timeouts. */
const LEADER_WITHIN = 20;
const CALLS_WITHIN = 40;
const QUIET_FOR = 4;
const TRANSFER_WITHIN = 4;
const TRANSFER_ATTEMPTS = 3;
/** And as long for each entry that somebody has and not everybody has applied: one by one, each with a write and a round trip. */
const ENTRY_WITHIN_US = 10_000;
/** All that was planned in the storm has ended by then. */
const LAST_CALLS_MS = 10_000;

/** Resolves with the core. Where a property is violated, that is reported. */
export async function runLiveness(simulation: Simulation): Promise<readonly number[]> {
  const { schedule, processes } = simulation;
  const sound = processes.filter(({ isDamaged }) => !isDamaged).map(({ slot }) => slot);
  const core = chooseCore(schedule.seed, schedule.nodes, sound);
  // Beyond the budget of damage too few are left to go on.
  if (2 * core.length <= schedule.nodes) return [];
  heal(simulation, core);
  simulation.recorder.onPhase("liveness", core);
  await checkLiveness(simulation, core);
  return core;
}

async function checkLiveness(simulation: Simulation, core: readonly number[]): Promise<void> {
  const { scheduler, schedule, safety, workload } = simulation;
  const timeoutUs = 2 * (schedule.raft.electionTimeoutMs ?? 500) * 1000;
  const startUs = scheduler.nowUs;
  const led = await scheduler.run(startUs + LEADER_WITHIN * timeoutUs, () =>
    isLed(simulation, core),
  );
  if (safety.violation !== undefined) return;
  if (!led)
    return safety.report(
      "L1",
      `no leader within ${LEADER_WITHIN} election timeouts of healing ${names(core)}`,
      undefined,
    );

  // Without the help of anything new.
  await checkAgreement(simulation, core, LEADER_WITHIN * timeoutUs);
  if (safety.violation !== undefined) return;

  const calls = workload.callByAll((CALLS_WITHIN * timeoutUs) / 1000);
  const areDone = (): boolean => calls.every(({ outcome }) => outcome !== undefined);
  await scheduler.run(scheduler.nowUs + CALLS_WITHIN * timeoutUs + timeoutUs, areDone);
  if (safety.violation !== undefined) return;
  const failed = calls.find(({ outcome }) => outcome !== "ok");
  if (failed !== undefined) {
    const text = `a call of client ${failed.client + 1} was not answered within ${CALLS_WITHIN} election timeouts: ${failed.error ?? failed.doubt ?? "no answer"}`;
    return safety.report("L2", text, undefined);
  }

  await checkAgreement(simulation, core, LEADER_WITHIN * timeoutUs);
  if (safety.violation !== undefined) return;

  await awaitLastCalls(simulation);
  await checkAgreement(simulation, core, LEADER_WITHIN * timeoutUs);
  // The last answers are on their way.
  await scheduler.run(scheduler.nowUs + timeoutUs);
  const leaderBefore = leaderOf(simulation);
  if (areCallsOver(simulation)) safety.messages.silent = core;
  await scheduler.run(scheduler.nowUs + QUIET_FOR * timeoutUs);
  safety.messages.silent = [];
  if (safety.violation !== undefined) return;
  if (leaderOf(simulation) !== leaderBefore)
    return safety.report(
      "L4",
      `the leader has changed from ${leaderBefore} to ${leaderOf(simulation)} though nothing is wrong`,
      undefined,
    );
  checkRest(simulation, core);
  await checkTransfer(simulation, core, TRANSFER_WITHIN * timeoutUs);
}

function areCallsOver({ workload }: Simulation): boolean {
  return workload.history.every(({ outcome }) => outcome !== undefined);
}

async function awaitLastCalls(simulation: Simulation): Promise<void> {
  const { scheduler, workload } = simulation;
  const waiting = workload.history.filter(({ outcome }) => outcome === undefined);
  await scheduler.run(scheduler.nowUs + LAST_CALLS_MS * 1000, () =>
    waiting.every(({ outcome }) => outcome !== undefined),
  );
}

/** A stream may be half open, and a vote lost in it: once more, then. */
async function checkTransfer(
  simulation: Simulation,
  core: readonly number[],
  withinUs: number,
): Promise<void> {
  const { scheduler, schedule, safety } = simulation;
  const others = core.filter((slot) => slot !== simulation.leader());
  if (others.length === 0) return;
  const heir = new Rng(schedule.seed, "heir").pick(others);
  for (let attempt = 1; attempt <= TRANSFER_ATTEMPTS; attempt += 1) {
    const leader = simulation.leader();
    if (leader !== undefined) simulation.transfer(leader, heir);
    const done = await scheduler.run(
      scheduler.nowUs + withinUs,
      () => simulation.leader() === heir,
    );
    if (done || safety.violation !== undefined) return;
  }
  const text = `n${heir + 1} was to be the leader, which is ${leaderOf(simulation)}`;
  safety.report("L6", text, heir);
}

async function checkAgreement(
  simulation: Simulation,
  core: readonly number[],
  withinUs: number,
): Promise<void> {
  const { scheduler, safety } = simulation;
  const untilUs = scheduler.nowUs + withinUs + backlog(simulation, core) * ENTRY_WITHIN_US;
  const agreed = await scheduler.run(untilUs, () => areEqual(simulation, core));
  if (agreed || safety.violation !== undefined) return;
  const text = `${names(core)} do not come to the same state: ${stateText(simulation, core)}`;
  safety.report("L3", text, undefined);
}

/** More than half of all, at random, of those with a sound disk. */
function chooseCore(seed: number, nodes: number, sound: readonly number[]): readonly number[] {
  const rng = new Rng(seed, "core");
  const quorum = Math.floor(nodes / 2) + 1;
  const size = rng.between(quorum, Math.max(quorum, sound.length));
  return rng
    .shuffled(sound)
    .slice(0, size)
    .toSorted((a, b) => a - b);
}

function heal(simulation: Simulation, core: readonly number[]): void {
  const { nemesis, network, clients, processes } = simulation;
  nemesis.freeze();
  network.heal();
  clients.healAll();
  for (const process of processes) {
    process.disk.heal();
    process.extraCostUs = 0;
    process.applyUs = 0;
    process.setTurnCost(0);
    if (process.incarnation !== undefined) process.incarnation.actor.gateUs = 0;
    process.oscillator.drift(0);
    process.incarnation?.clock.rearm();
    // What has met a fault, or is about to by what it has read, is on its way down.
    if (process.node === undefined || process.incarnation?.isHurt === true)
      simulation.crash(process.slot);
    if (core.includes(process.slot)) simulation.start(process.slot);
    else simulation.crash(process.slot);
  }
  simulation.freeze();
}

function states(
  simulation: Simulation,
  core: readonly number[],
): (Readonly<RaftState> | undefined)[] {
  return core.map((slot) => simulation.processes[slot]?.node?.state);
}

function isLed(simulation: Simulation, core: readonly number[]): boolean {
  const all = states(simulation, core);
  const leader = all.find((state) => state?.role === "leader");
  return (
    leader !== undefined &&
    all.every(
      (state) => state?.leader === leader.options.id && state.currentTerm === leader.currentTerm,
    )
  );
}

/** Entries that somebody has and not everybody has applied. */
function backlog(simulation: Simulation, core: readonly number[]): number {
  const up = states(simulation, core).filter((state) => state !== undefined);
  const applied = Math.min(...up.map(({ lastApplied }) => lastApplied));
  return Math.max(0, ...up.map(({ log }) => log.lastIndex - applied));
}

function areEqual(simulation: Simulation, core: readonly number[]): boolean {
  const last = simulation.safety.ghost.golden.lastIndex;
  return states(simulation, core).every(
    (state) => state?.lastApplied === last && state.log.lastIndex === last,
  );
}

function leaderOf(simulation: Simulation): string {
  const slot = simulation.leader();
  const state = slot === undefined ? undefined : simulation.processes[slot]?.node?.state;
  return state === undefined ? "nobody" : `${state.options.id} in term ${state.currentTerm}`;
}

/** S24. */
function checkRest(simulation: Simulation, core: readonly number[]): void {
  for (const slot of core) {
    const incarnation = simulation.processes[slot]?.incarnation;
    const state = incarnation?.node?.state;
    if (state === undefined || incarnation === undefined) continue;
    const { durability, leadership } = state;
    const problems = [
      ...(durability.held.length > 0 ? [`${durability.held.length} messages are held back`] : []),
      ...(durability.inFlight.length > 0
        ? [`${durability.inFlight.length} writes are under way`]
        : []),
      ...((leadership?.reads.length ?? 0) > 0 ? ["reads wait"] : []),
      ...((leadership?.uncommittedBytes ?? 0) > 0
        ? [`${leadership?.uncommittedBytes} bytes count as uncommitted`]
        : []),
      ...(incarnation.clock.timers > 4 + core.length
        ? [`${incarnation.clock.timers} timers are set`]
        : []),
    ];
    if (problems.length > 0)
      simulation.safety.report("S24", `at rest, on n${slot + 1}: ${problems.join("; ")}`, slot);
  }
}

function stateText(simulation: Simulation, core: readonly number[]): string {
  const texts = states(simulation, core).map((state) =>
    state === undefined
      ? "down"
      : `${state.options.id} has applied ${state.lastApplied} of ${state.log.lastIndex}`,
  );
  return `${texts.join(", ")}; ${simulation.safety.ghost.golden.lastIndex} is committed`;
}

function names(core: readonly number[]): string {
  return core.map((slot) => `n${slot + 1}`).join(", ");
}
