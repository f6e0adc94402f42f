/** Folders for what a program needs only while it runs: gone with the process at the latest. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made = new Set<string>();

process.on("exit", () => {
  for (const folder of made) remove(folder);
});

export function scratchFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `quorate-${name}-`));
  made.add(folder);
  return folder;
}

export function removeScratch(folder: string): void {
  made.delete(folder);
  remove(folder);
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
