/** Promises of any make. */

/** Whether it is one, as `await` sees it: libraries have their own, and another realm has another `Promise`. */
export function isPromise<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}
