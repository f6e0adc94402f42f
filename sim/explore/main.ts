/**
 * `npm run explore`: meets every state that a few servers can get into within bounds. Exit code 0: no property is violated
 * in what was explored; 1: one is, and the shortest way there is told; 2: bad usage.
 */

import { parseArgs } from "node:util";
import { messageOf } from "../../src/errors.ts";
import { whole } from "../whole.ts";
import { explore } from "./explore.ts";
import type { Exploration } from "./explore.ts";
import { storyOf } from "./story.ts";
import type { Setup } from "./world.ts";

const USAGE = `usage: npm run explore -- [options]

  --nodes N        2 to 4 (3)
  --timeouts N     election timers that run out, of all nodes together (2)
  --heartbeats N   that leaders send, with the check of their quorum (0)
  --proposals N    commands (0)
  --crashes N      each with a restart (1)
  --slow-writes N  writes that are not durable at once (0)
  --snapshots N    that are taken (0)
  --transfers N    of leadership, that are asked for (0)
  --pre-vote       with PreVote, which takes another round to elect anybody
  --check-quorum   with CheckQuorum, and leaders that turn candidates away
  --max-states N   to give up at (5000000)
  --seconds N      to give up after (3600)
  --json           one object
`;

interface Options {
  readonly setup: Setup;
  /** When to give up. */
  readonly states: number;
  readonly seconds: number;
  readonly json: boolean;
}

process.exitCode = main(process.argv.slice(2));

function main(args: readonly string[]): number {
  if (args.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  let options: Options;
  try {
    options = optionsFrom(args);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\nTry "npm run explore -- --help".\n`);
    return 2;
  }
  const begin = performance.now();
  const elapsed = (): number => (performance.now() - begin) / 1000;
  const result = explore(options.setup, ({ states, depth }) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${states} states, ${depth} moves deep `);
    return states < options.states && elapsed() < options.seconds;
  });
  const seconds = elapsed();
  if (options.json) process.stdout.write(`${JSON.stringify(summaryOf(result, seconds))}\n`);
  else process.stdout.write(`${textOf(options.setup, result, seconds)}\n`);
  return result.found === undefined ? 0 : 1;
}

function optionsFrom(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: { type: "string", default: "3" },
      timeouts: { type: "string", default: "2" },
      heartbeats: { type: "string", default: "0" },
      proposals: { type: "string", default: "0" },
      crashes: { type: "string", default: "1" },
      "slow-writes": { type: "string", default: "0" },
      snapshots: { type: "string", default: "0" },
      transfers: { type: "string", default: "0" },
      "pre-vote": { type: "boolean", default: false },
      "check-quorum": { type: "boolean", default: false },
      "max-states": { type: "string", default: "5000000" },
      seconds: { type: "string", default: "3600" },
      json: { type: "boolean", default: false },
    },
  });
  return {
    setup: {
      nodes: whole("nodes", values.nodes, 2, 4),
      budget: {
        timeouts: few("timeouts", values.timeouts),
        heartbeats: few("heartbeats", values.heartbeats),
        proposals: few("proposals", values.proposals),
        crashes: few("crashes", values.crashes),
        slowWrites: few("slow-writes", values["slow-writes"]),
        snapshots: few("snapshots", values.snapshots),
        transfers: few("transfers", values.transfers),
      },
      options: { preVote: values["pre-vote"], checkQuorum: values["check-quorum"] },
    },
    states: whole("max-states", values["max-states"], 1, 16_000_000),
    seconds: whole("seconds", values.seconds, 1, 86_400),
    json: values.json,
  };
}

function few(name: string, text: string): number {
  return whole(name, text, 0, 9);
}

function summaryOf({ found, ...rest }: Exploration, seconds: number): unknown {
  const violation = found && { property: found.violation.property, text: found.violation.message };
  return { ...rest, violation, seconds };
}

function textOf(setup: Setup, result: Exploration, seconds: number): string {
  const { states, depth, isWhole, servers, messages, found } = result;
  const end = isWhole ? "all there are within these bounds" : "more are left";
  return [
    ...(found === undefined ? [] : [storyOf(setup, found), ""]),
    `states    ${states}, up to ${depth} moves from the beginning${found === undefined ? `: ${end}` : ""}`,
    `of        ${servers} states of a server and ${messages} messages`,
    `time      ${seconds.toFixed(1)} s`,
    ...(found === undefined ? ["verdict   no property is violated"] : []),
  ].join("\n");
}
