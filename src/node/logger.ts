/** Where a node tells people what happened. Programs listen to events instead. */

/** One line of text a call; none of them may throw. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Says nothing: the default. */
export const silentLogger: Logger = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
