/** Folders of a real file system whose names outlive a power failure. */

import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes the entries of a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Creates a folder and makes it known to its parents, as far up as they are new. Not by Node's own `recursive`: where a
 * file system knows no folders to be made, as `/proc`, it tries for ever.
 */
export async function createFolder(path: string): Promise<void> {
  const parent = dirname(path);
  if (await isFolder(path)) return;
  if (parent !== path) await createFolder(parent);
  await mkdir(path).catch(unlessThere);
  await syncFolder(parent);
}

/** Whether there is a folder of that name. */
async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw error;
  }
}

/** Somebody else may have made it meanwhile. */
function unlessThere(error: unknown): void {
  if (!isCode(error, "EEXIST")) throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
