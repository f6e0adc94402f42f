/** Builds a mutant: a copy of the sources in a folder of its own, changed and compiled. */

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { mutate } from "./mutant.ts";
import type { Change } from "./mutant.ts";

/** A mutant may leave something unused; everything else has to compile, or it is no mutant. */
const FLAGS = [
  "--noUnusedLocals",
  "false",
  "--noUnusedParameters",
  "false",
  "--allowUnreachableCode",
  "true",
  "--declaration",
  "false",
  "--declarationMap",
  "false",
  "--isolatedDeclarations",
  "false",
  "--sourceMap",
  "false",
];

/** What the mutants are made of: as it was when the run began, whoever edits the sources meanwhile. */
export function takeSources(project: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of ["src", "sim", "tsconfig.json", "package.json"])
    cpSync(join(project, name), join(folder, name), { recursive: true });
}

/** Rejects where the text under a change has moved, or the result does not compile. */
export async function build(
  project: string,
  sources: string,
  folder: string,
  changes: readonly Change[],
): Promise<void> {
  cpSync(sources, folder, { recursive: true });
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "bench"), { recursive: true });
  mutate(folder, changes);
  const compiler = join(project, "node_modules", "typescript", "bin", "tsc");
  try {
    await promisify(execFile)(process.execPath, [compiler, "-p", "tsconfig.json", ...FLAGS], {
      cwd: folder,
    });
  } catch (error) {
    const output =
      typeof error === "object" && error !== null && "stdout" in error ? error.stdout : error;
    throw new Error(`it does not compile:\n${String(output)}`, { cause: error });
  }
}
