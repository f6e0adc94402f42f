/** The README's promises that a machine can check: its program runs, its commands and codes exist. */

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runInThisContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { RaftNode } from "../src/node/node.ts";
import { Cluster } from "./support/cluster.ts";
import type { JournalNode } from "./support/cluster.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly scripts: Record<string, string>;
  readonly exports: Record<string, { readonly default?: string }>;
};

test("the program that embeds three members runs as it stands", async () => {
  const program = /This program runs as it stands:\s+```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  expect(program.split("\n").length).toBeLessThan(35);
  // Inside of the package, so that it can import it by its name; run elsewhere, so that its data goes elsewhere.
  const script = join(root, "dist", "readme-program.mjs");
  const folder = mkdtempSync(join(tmpdir(), "quorate-readme-"));
  writeFileSync(script, program);
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script], { cwd: folder });
    expect(stdout).toMatch(/^n[123] leads; entry \d+ made the total 5; read back: 5\n$/);
  } finally {
    rmSync(script);
    rmSync(folder, { recursive: true });
  }
});

test("the program of the key-value store runs as it stands", async () => {
  const program = /A group of one, and its client:\s+```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const script = join(root, "dist", "readme-store.mjs");
  const folder = mkdtempSync(join(tmpdir(), "quorate-readme-"));
  writeFileSync(script, program);
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script], { cwd: folder });
    expect(stdout).toMatch(/^hello; the lock: ok, at log index \d+\n$/);
  } finally {
    rmSync(script);
    rmSync(folder, { recursive: true });
  }
});

test("the job for one member at a time is run by the leader alone, each time with a higher token", async () => {
  const text = /such as a cron job[^`]*```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const tokens: number[] = [];
  const jobOf = runInThisContext(`(node, job) => { ${text}; return everyMinute; }`) as (
    node: JournalNode,
    job: (index: number) => void,
  ) => () => Promise<void>;
  const cluster = await Cluster.start();
  const runs: string[] = [];
  const everyMinute = async (): Promise<void> => {
    for (const { id, node } of cluster.running) {
      const job = jobOf(node, (index) => void (runs.push(id), tokens.push(index)));
      await cluster.clock.settle(job());
    }
  };
  const first = await cluster.leader();
  await everyMinute();
  await everyMinute();
  await cluster.shutDown(first.id);
  const second = await cluster.leader(first);
  await everyMinute();
  await cluster.stop();
  expect(runs).toEqual([first.id, first.id, second.id]);
  expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b));
});

describe("the program that tests a state machine", () => {
  const program = /In any test runner, or in none:\s+```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";

  test("runs as it stands", async () => {
    expect(program.trimEnd().split("\n").length).toBeLessThanOrEqual(20);
    expect(await outputOf(program)).toMatch(
      /^20 runs, \d{3,} calls answered, \d+ crashes survived\n$/,
    );
  });

  test("fails as it says, with the mistake that it names", async () => {
    const mistake = /as in `(this\.total = [^`]+)`/.exec(readme)?.[1] ?? "";
    const wrong = program.replace("text += Buffer.from(chunk).toString()", mistake);
    const broken = wrong.replace("    this.total = Number(text);\n", "");
    const [, message = ""] = /it would reject with\s+```\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(withoutNumbers(await outputOf(broken))).toContain(withoutNumbers(message.trimEnd()));
  });
});

describe("with the types that it names", () => {
  test.each([
    ["embeds", /This program runs as it stands:\s+```js\n([\s\S]*?)```/],
    ["tests", /In any test runner, or in none:\s+```js\n([\s\S]*?)```/],
  ])("the program that %s a state machine passes a strict compiler", async (name, place) => {
    const script = join(root, "dist", `readme-${name}.mts`);
    const options = "--noEmit --strict --target es2023 --module nodenext --types node";
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    writeFileSync(script, typed(place.exec(readme)?.[1] ?? ""));
    try {
      const run = promisify(execFile)(process.execPath, [
        tsc,
        "--ignoreConfig",
        ...options.split(" "),
        script,
      ]);
      expect(await run.catch((error: unknown) => error)).toEqual({ stdout: "", stderr: "" });
    } finally {
      rmSync(script);
    }
  });
});

/** A program of the README with what it says of TypeScript. */
function typed(program: string): string {
  return (
    'import type { AppliedCommand, StateMachine } from "quorate";\n' +
    program
      .replace(
        "({ random, propose, read })",
        "({ random, propose, read }: SimulatedClient<Counter>)",
      )
      .replace("{ simulate }", "{ type SimulatedClient, simulate }")
      .replace("class Counter", "class Counter implements StateMachine<number>")
      .replace("(commands)", "(commands: readonly AppliedCommand[])")
      .replace("restore(chunks)", "restore(chunks: AsyncIterable<Uint8Array>)")
      .replace(/(nodes\.find\([^;]+\));/, "$1 ?? nodes[0];")
  );
}

/** What a program prints, or how it fails. */
async function outputOf(text: string): Promise<string> {
  const script = join(root, "dist", "readme-simulation.mjs");
  writeFileSync(script, text);
  const env = { ...process.env, QUORATE_SEED: undefined };
  try {
    return (await promisify(execFile)(process.execPath, [script], { env })).stdout;
  } catch (error) {
    return String(error);
  } finally {
    rmSync(script);
  }
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/\d+/g, "0");
}

test("every npm script that the README names is there", () => {
  const named = [...readme.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name ?? "");
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => manifest.scripts[name] === undefined)).toEqual([]);
});

test("the table of entry points lists those of the package, and names that they have", async () => {
  const table = readme.slice(readme.indexOf("## What there is to import"));
  const rows = [...table.matchAll(/^\| `(quorate[^`]*)` \| (.*) \|$/gm)];
  const paths = rows.map(([, path = ""]) => path.replace("quorate", "."));
  expect(new Set([...paths, "./package.json"])).toEqual(new Set(Object.keys(manifest.exports)));
  const node = [RaftNode, RaftNode.prototype].flatMap((each) => Object.getOwnPropertyNames(each));
  const beside = new Set([...node, "role", "leader", "stopped", "level"]);
  for (const [, path = "", what = ""] of rows) {
    const file = manifest.exports[path.replace("quorate", ".")]?.default ?? "";
    const exported = (await import(join(root, file))) as object;
    const named = [...what.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !(name in exported) && !beside.has(name))).toEqual([]);
  }
});

test("the table of errors lists exactly the codes that there are", () => {
  const source = readFileSync(join(root, "src", "errors.ts"), "utf8");
  const codes = [...source.matchAll(/^ {2}\| "(RAFT_[A-Z_]+)"/gm)].map(([, code]) => code);
  const table = readme.slice(readme.indexOf("## Errors"), readme.indexOf("## What is where"));
  const rows = table.split("\n").filter((line) => line.startsWith("| `RAFT_"));
  const listed = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/RAFT_[A-Z_]+/g)].map(String),
  );
  expect(new Set(listed)).toEqual(new Set(codes));
  expect(listed).toHaveLength(codes.length);
});

test("the map's table of figure 2 names functions and tests that exist", () => {
  const map = readFileSync(join(root, "src", "README.md"), "utf8");
  const rows = map
    .slice(map.indexOf("| Figure 2 |"), map.indexOf("Beyond Figure 2:"))
    .split("\n")
    .slice(2)
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  expect(rows.length).toBeGreaterThan(20);
  for (const [, line = "", where = "", checked = ""] of rows) {
    for (const [, names = "", file = ""] of where.matchAll(
      /((?:`\w+`(?:, )?)+) \(([^)]+\.ts)\)/g,
    )) {
      const source = readFileSync(join(root, "src", "core", file), "utf8");
      for (const [, name] of names.matchAll(/`(\w+)`/g)) {
        expect(source, `${name} of "${line}"`).toMatch(
          new RegExp(`^(export )?(function|class) ${name}\\b`, "m"),
        );
      }
    }
    const [, file = "", name = ""] = /^([\w-]+): (.*)$/.exec(checked) ?? [];
    expect(readFileSync(join(root, "test", "core", `${file}.test.ts`), "utf8"), line).toContain(
      name,
    );
  }
});
