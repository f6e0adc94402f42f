/** Files that a program is asked to write when it has run: whether they can be is known before. */

import { accessSync, closeSync, constants, existsSync, openSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf } from "../src/errors.ts";

/** Throws, with the name of the option, where `file` cannot be written. One that was not there is made, and empty. */
export function mustBeWritable(option: string, file: string | undefined): void {
  if (file === undefined) return;
  if (file === "" || file === "-") {
    throw new Error(`--${option} takes the name of a file, not ${JSON.stringify(file)}`);
  }
  try {
    closeSync(openSync(file, "a"));
  } catch (error) {
    throw new Error(`--${option} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

/** Throws, with the name of the option, where `folder` is none and cannot be made. */
export function mustBeFolder(option: string, folder: string): void {
  if (folder === "") throw new Error(`--${option} takes the name of a folder, not ""`);
  let there = resolve(folder);
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  if (!statSync(there).isDirectory()) {
    throw new Error(`--${option} cannot be made a folder: ${there} is a file`);
  }
  try {
    accessSync(there, constants.W_OK);
  } catch (error) {
    throw new Error(`--${option} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}
