/** What has to be said beside the figures: on which machine, how quiet it was, and whether they may be believed. */

import { FULL } from "../plan.ts";
import type { FirstWarmUpMs } from "../plan.ts";
import { wasQuiet } from "../quiet-watch.ts";
import { validityOf } from "../reference.ts";
import type { Quietness, Results } from "../results.ts";

export function headOf({ machine, versions, command, tookMs }: Results): string[] {
  const memory = `${Math.round(machine.memoryBytes / 2 ** 30)} GiB`;
  return [
    `${machine.cores} x ${machine.cpu}, ${memory}, ${machine.system}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    `${command}, ${(tookMs / 1000).toFixed(0)} s`,
  ];
}

export function notesOf(results: Results): string[] {
  const { quietness, absent, rows } = results;
  const notes = ["Where it does not say that it is on level, quorate is on its journal."];
  notes.push(quietnessNote(quietness));
  if (rows.length > 0) notes.push(warmthNote(results.firstWarmUpMs));
  const { applies, compared, shortfalls } = validityOf(results);
  if (!applies) notes.push("This is not the reference machine: its table does not apply.");
  else if (shortfalls.length > 0)
    notes.push(
      `THIS RUN IS VOID: the bare line is below 0.8 of the table (${shortfalls.join("; ")}).`,
    );
  else if (compared > 0)
    notes.push("The bare line reaches 0.8 of the reference table at each level that it knows.");
  for (const [name, why] of Object.entries(absent))
    notes.push(`No comparison with ${name}: ${why}.`);
  const etcd = rows.filter(({ lane }) => lane === "etcd");
  if (etcd.length > 0) {
    const shares = etcd.map((row) => row.loadCores / (row.loadCores + serverCores(row)));
    notes.push(
      `Of the processor time that etcd and its load used together, the load took ${percent(Math.min(...shares))} to ` +
        `${percent(Math.max(...shares))}: it is not what was measured.`,
    );
  }
  return notes;
}

function quietnessNote(seen: Quietness): string {
  const { syncDuringMs, syncWorstMs, othersDuring, othersWorst } = seen;
  const verdict = wasQuiet(seen) ? "quiet" : "NOT quiet: the ratios mean little";
  const sync = [`${ms(seen.syncBeforeMs)} before`];
  if (syncDuringMs !== undefined && syncWorstMs !== undefined)
    sync.push(`${ms(syncDuringMs)} between measurements (at the most ${ms(syncWorstMs)})`);
  const others = [`${seen.othersBefore.toFixed(2)} cores before`];
  if (othersDuring !== undefined && othersWorst !== undefined)
    others.push(`${othersDuring.toFixed(2)} during (at the most ${othersWorst.toFixed(2)})`);
  return `The machine was ${verdict}. A sync of 4 KiB took ${sync.join(", ")}; others used ${others.join(", ")}.`;
}

function warmthNote({ high, low }: FirstWarmUpMs): string {
  const text =
    `Before its first measurement each system was under load for ${seconds(high)}, and with one client at a time for ` +
    `${seconds(low)} where few are measured`;
  if (high >= FULL.firstWarmUpMs.high && low >= FULL.firstWarmUpMs.low) return `${text}.`;
  return `${text}: the systems were NOT WARM, and what runs in JavaScript would do better.`;
}

function serverCores({ cpuMicros, perSecond }: Results["rows"][number]): number {
  return (cpuMicros.reduce((total, micros) => total + micros, 0) * perSecond) / 1e6;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
