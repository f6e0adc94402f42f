/** Signals of the operating system as an `AbortSignal`. */

/**
 * Fires at the first of `names`; further ones are ignored until `dispose`, since a terminal and npm may both deliver the
 * same Ctrl-C.
 */
export function watchSignals(names: readonly NodeJS.Signals[]): {
  readonly signal: AbortSignal;
  dispose(): void;
} {
  const controller = new AbortController();
  const onSignal = (): void => controller.abort();
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    dispose(): void {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
