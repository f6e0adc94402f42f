/** Files that a program is asked to write when it has run: whether they can be is known before. */

import { closeSync, openSync } from "node:fs";
import { messageOf } from "../src/errors.ts";

/** Throws, with the name of the option, where `file` cannot be written. One that was not there is made, and empty. */
export function mustBeWritable(option: string, file: string | undefined): void {
  if (file === undefined) return;
  try {
    closeSync(openSync(file, "a"));
  } catch (error) {
    throw new Error(`--${option} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}
