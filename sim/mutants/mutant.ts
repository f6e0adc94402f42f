/**
 * A known bug as a small change of the real sources: one JSON file each in `test/mutants`. A change replaces text that
 * must stand in its file exactly once, so a mutant fails loudly when the code under it has moved.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Lines of source, as they stand there. */
type Lines = string | readonly string[];

export interface Change {
  readonly file: string;
  readonly find: Lines;
  readonly replace: Lines;
}

export interface Mutant {
  /** Of the list of known bugs: E elections, R replication, N snapshots, D reads, M members, C clients, T storage, J the journal. */
  readonly id: string;
  readonly what: string;
  /** What it breaks first, by the names of the simulator's properties. */
  readonly breaks: readonly string[];
  readonly changes: readonly Change[];
  /** What has to be built before it can be made. */
  readonly waits?: string;
  /** Why nothing observable changes. */
  readonly equivalent?: string;
}

/** The core's and the storage's assertions turned into nothing, to see what is found without them. */
export const WITHOUT_ASSERTIONS: readonly Change[] = [
  {
    file: "src/core/assert.ts",
    find: "  if (!condition) throw new InvariantViolation(rule);",
    replace: "",
  },
  {
    file: "src/storage/checks.ts",
    find: "  if (!condition) throw misuse(message);",
    replace: "",
  },
  {
    file: "src/storage/log-state.ts",
    find: "    if (entry.index !== state.lastIndex + 1) throw outOfPlace(entry, state);",
    replace: "",
  },
];

/** All of them, by id. */
export function readMutants(folder: string): readonly Mutant[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.toSorted().map((name) => {
    const mutant = mutantFrom(JSON.parse(readFileSync(join(folder, name), "utf8")));
    if (mutant === undefined || `${mutant.id}.json` !== name)
      throw new TypeError(`${join(folder, name)} is no mutant`);
    return mutant;
  });
}

/** Makes the changes below `root`; throws where the text to be replaced is not there, or more than once. */
export function mutate(root: string, changes: readonly Change[]): void {
  for (const { file, find, replace } of changes) {
    const path = join(root, file);
    const source = readFileSync(path, "utf8");
    const parts = source.split(textOf(find));
    if (parts.length !== 2) {
      throw new RangeError(
        `${file} holds ${parts.length - 1} times, not once:\n${textOf(find)}\nThe code has moved: bring the mutant up to date.`,
      );
    }
    writeFileSync(path, parts.join(textOf(replace)));
  }
}

function textOf(lines: Lines): string {
  return typeof lines === "string" ? lines : lines.join("\n");
}

function mutantFrom(value: unknown): Mutant | undefined {
  if (!isRecord(value)) return undefined;
  const { id, what, breaks, changes = [], waits, equivalent } = value;
  if (typeof id !== "string" || typeof what !== "string" || !isTexts(breaks)) return undefined;
  if (!Array.isArray(changes) || !changes.every(isChange)) return undefined;
  const reason = typeof waits === "string" ? { waits } : {};
  const sameness = typeof equivalent === "string" ? { equivalent } : {};
  const hasReason = Object.keys({ ...reason, ...sameness }).length > 0;
  if (changes.length === 0 && !hasReason) return undefined;
  return { id, what, breaks, changes, ...reason, ...sameness };
}

function isChange(value: unknown): value is Change {
  return (
    isRecord(value) &&
    typeof value["file"] === "string" &&
    [value["find"], value["replace"]].every((text) => typeof text === "string" || isTexts(text))
  );
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
