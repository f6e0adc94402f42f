import * as fc from "fast-check";
import { expect, test } from "vitest";
import { OperationQueue } from "../../src/kv/operation-queue.ts";
import { Operation } from "../../src/kv/operation.ts";

const action = fc.oneof(
  fc.record({ type: fc.constantFrom("add" as const, "delete" as const), which: fc.nat(9) }),
  fc.record({ type: fc.constant("addFirst" as const), which: fc.nat(9), count: fc.nat(3) }),
);

test("a queue is in the order of a set", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
      const operations = Array.from({ length: 10 }, anOperation);
      const queue = new OperationQueue();
      let model = new Set<Operation>();
      for (const each of actions) {
        if (each.type === "addFirst") {
          const some = operations.slice(each.which, each.which + each.count);
          queue.addFirst(some);
          model = new Set([...some, ...model]);
        } else {
          for (const operation of operations.slice(each.which, each.which + 1)) {
            queue[each.type](operation);
            model[each.type](operation);
          }
        }
        expect([...queue].map(nameIn(operations))).toEqual([...model].map(nameIn(operations)));
        expect(queue.size).toBe(model.size);
        expect(queue.first).toBe([...model][0]);
      }
    }),
  );
});

function anOperation(): Operation {
  return new Operation({ type: "status" }, 0, tellNobody, tellNobody);
}

function tellNobody(): void {}

function nameIn(operations: readonly Operation[]): (operation: Operation) => number {
  return (operation) => operations.indexOf(operation);
}
