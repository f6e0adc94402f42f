/**
 * A log ten times larger than memory: a member that starts for the first time catches up from it, once from the log and
 * once by a snapshot. In a process of its own with a small heap, on the built code (`npm test` builds it) and real disks.
 */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const HEAP_MIB = 96;
const SCRIPT = fileURLToPath(new URL("large-log-process.mjs", import.meta.url));

/** Where the log is whole it is ten times the heap; a snapshot of 128 MiB is as long to take as it is to fill half of it. */
const CASES = [
  { how: "log", logMiB: 1024 },
  { how: "snapshot", logMiB: 256 },
] as const;

for (const { how, logMiB } of CASES) {
  test(`a member catches up by ${how} with ${logMiB} MiB behind it, in ${HEAP_MIB} MiB of heap`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "quorate-large-log-"));
    try {
      const { stdout } = await promisify(execFile)(execPath, [
        `--max-old-space-size=${HEAP_MIB}`,
        SCRIPT,
        how,
        folder,
        String(logMiB),
      ]);
      const { peakRssMiB } = JSON.parse(stdout) as { peakRssMiB: number };
      // Three members with the write buffers of their databases: measured 180, and it does not grow with the log.
      expect(peakRssMiB).toBeLessThan(400);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 240_000);
}
