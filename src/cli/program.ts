/** Where the built command line is, for processes that run it again. */

import { fileURLToPath } from "node:url";

export function programPath(): string {
  return fileURLToPath(new URL("main.js", import.meta.url));
}
