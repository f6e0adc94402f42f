/** Numbers of things, in words. */

/** `what` is in the singular: an "s" is added where there is not one. */
export function counted(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? "" : "s"}`;
}
