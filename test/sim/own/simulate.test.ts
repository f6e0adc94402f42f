/** `simulate`: a right machine stands every fault, wrong ones are found, told of and found again. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { isRaftError } from "../../../src/errors.ts";
import { simulate, SimulationError } from "../../../sim/own/index.ts";
import type { SimulatedClient, SimulateOptions } from "../../../sim/own/index.ts";
import {
  Batcher,
  Capped,
  Dice,
  Forgetful,
  Hoarder,
  Slow,
  Tally,
  Unordered,
  Wiping,
  workload,
} from "./machines.ts";

const SHORT = { durationMs: 1500, shrinkRuns: 20 };

async function violationOf<Model>(
  options: SimulateOptions<Tally, Model>,
): Promise<SimulationError> {
  const found = await simulate(options).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (found instanceof SimulationError) return found;
  throw new Error(`no violation was found, but ${String(found)}`);
}

function digest(machine: Tally): string {
  return ["a", "b", "c"].map((name) => machine.query(name)).join();
}

describe("a right machine", () => {
  test("stands all faults, and the sums are the same each time", async () => {
    const options = { ...SHORT, machine: () => new Tally(), workload, runs: 5 };
    const summary = await simulate(options);
    expect(summary).toMatchObject({ runs: 5, seed: 1 });
    expect(summary.answered).toBeGreaterThan(100);
    expect(summary.restarts).toBeGreaterThan(0);
    expect(Object.keys(summary.faults).length).toBeGreaterThan(5);
    expect(await simulate(options)).toEqual(summary);
    expect((await simulate({ ...options, seed: 2 })).hash).not.toBe(summary.hash);
  });

  test("may answer by promises", async () => {
    const { answered } = await simulate({ ...SHORT, machine: () => new Slow(), workload, runs: 4 });
    expect(answered).toBeGreaterThan(50);
  });

  test("is compared by its digest, where equal states have unequal snapshots", async () => {
    const options = {
      ...SHORT,
      machine: () => new Unordered(),
      workload,
      profile: "snapshots" as const,
      runs: 8,
    };
    const { property, message } = await violationOf(options);
    expect(property).toBe("S14");
    expect(message).toMatch(/from byte \d+ on \S+ instead of \S+ \(where .* give a digest\)/);
    await simulate({ ...options, digest });
  });
});

describe("a digest", () => {
  const options = { ...SHORT, machine: () => new Tally(), workload, runs: 3 };

  test("is text, a number or bytes, which may be the same bytes each time", async () => {
    const bytes = new Uint8Array(3);
    const inBytes = (machine: Tally): Uint8Array => {
      for (const [at, name] of ["a", "b", "c"].entries()) bytes[at] = machine.query(name);
      return bytes;
    };
    for (const right of [
      (machine: Tally) => machine.total,
      (machine: Tally) => BigInt(machine.total),
      inBytes,
    ]) {
      await simulate({ ...options, digest: right });
    }
    const wrong = { ...options, machine: () => new Hoarder(), digest: inBytes, runs: 10 };
    expect((await violationOf(wrong)).property).toMatch(/^S1[34]$/);
  });

  test.each([
    ["of an object", () => ({ a: 1 }), "{ a: 1 }"],
    ["of a promise", () => Promise.resolve("a"), "Promise { 'a' }"],
    ["of nothing", () => undefined, "undefined"],
  ])("%s is refused, since states could not be compared by it", async (_, wrong, text) => {
    const found = await violationOf({ ...options, digest: wrong as unknown as () => string });
    expect(found.property).toBe("digest");
    expect(found.message).toContain(`must return a string, a number or bytes`);
    expect(found.message).toContain(`not ${text}`);
  });

  test("that throws is told as that, not as a member that has stopped", async () => {
    const found = await violationOf({
      ...options,
      digest: () => {
        throw new RangeError("a slip");
      },
    });
    expect(found).toMatchObject({ property: "digest", cause: { message: "a slip" } });
  });
});

describe("a wrong machine is found:", () => {
  test("one that rolls a die", async () => {
    const { property, message, seed, event } = await violationOf({
      ...SHORT,
      machine: () => new Dice(),
      workload,
      runs: 10,
    });
    expect(property).toBe("S13");
    expect(message).toMatch(
      /^S13: n\d answers [\d.]+ to command \d+; a fresh machine that was given/,
    );
    expect(message).toContain(`event ${event}`);
    expect(message).toContain(`simulate({ ..., seed: ${seed} }), or QUORATE_SEED=${seed}`);
    expect(message).toMatch(/ms {2}c\d asks to propose "[abc]"/);
  });

  test("one that forgets a part in its snapshot; by the same seed it is the same story", async () => {
    const options = { ...SHORT, machine: () => new Forgetful(), workload, runs: 20 };
    const found = await violationOf(options);
    expect(["S13", "S14", "S19"]).toContain(found.property);
    const again = await violationOf({ ...options, runs: 1, seed: found.seed });
    expect(again.message).toBe(found.message);
    expect(again.story.split("\n").length).toBeLessThan(40);
  });

  test("one that restores otherwise than it saved, by the bytes and by a digest", async () => {
    const options = {
      ...SHORT,
      machine: () => new Hoarder(),
      workload,
      profile: "snapshots" as const,
      runs: 10,
    };
    expect((await violationOf(options)).property).toMatch(/^S1[34]$/);
    expect((await violationOf({ ...options, digest })).property).toMatch(/^S1[34]$/);
  });

  test("one that does so where snapshots are rare: the story has more of them, and few calls", async () => {
    // In this seed a member takes one after thirty entries.
    const options = { machine: () => new Capped(), workload, seed: 1, shrinkRuns: 100 };
    const { message, story } = await violationOf(options);
    expect(message).toMatch(/^S14: n\d has a snapshot at 30; /);
    // Where the two part.
    expect(message).toMatch(/from byte \d+ on \S+3\S+ instead of \S+[4-9]\S+ \(/);
    expect(Number(/(\d+) operations? \(/.exec(story)?.[1])).toBeLessThan(15);
  });

  test("one whose answers depend on the batches", async () => {
    const call = { ...SHORT, machine: () => new Batcher(), workload, callsPerSecond: 500 };
    const { property } = await violationOf({ ...call, profile: "tiny", runs: 10 });
    expect(property).toBe("S13");
  });

  test("one that throws", async () => {
    class Broken extends Tally {
      protected override add(name: string): number {
        if (this.total === 5) throw new Error("five is enough");
        return super.add(name);
      }
    }
    const options = { ...SHORT, machine: () => new Broken(), workload, nodes: 3, profile: "calm" };
    const { property, message } = await violationOf(options as SimulateOptions<Tally>);
    expect(property).toBe("S0");
    expect(message).toContain("five is enough");
  });

  test("one that changes the bytes of a command, which looks as if the library made one up", async () => {
    const { property, message } = await violationOf({
      ...SHORT,
      machine: () => new Wiping(),
      workload,
    });
    expect(property).toBe("S18");
    expect(message).toContain("or:     the machine changes the bytes of a command");
  });

  test("one whose apply returns nothing", async () => {
    class Mute extends Tally {
      override apply(): readonly number[] {
        return undefined as unknown as readonly number[];
      }
    }
    const { property } = await violationOf({ ...SHORT, machine: () => new Mute(), workload });
    expect(property).toBe("S0");
  });

  test.each(["snapshot", "restore"] as const)("one whose %s never ends", async (name) => {
    const never = new Promise<void>(() => undefined);
    class Stuck extends Tally {
      override async *snapshot(): AsyncGenerator<Uint8Array> {
        if (name === "snapshot") await never;
        yield* super.snapshot();
      }
      override restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
        return name === "restore" ? never : super.restore(chunks);
      }
    }
    const { message } = await violationOf({ ...SHORT, machine: () => new Stuck(), workload });
    expect(message).toContain("never settles");
  });
});

describe("what the user says must hold", () => {
  test("is seen after each batch, with the member, the index and the model", async () => {
    const options = {
      ...SHORT,
      machine: () => new Tally(),
      model: () => ({ most: 20 }),
      workload,
      invariant: ({
        machine,
        member,
        index,
        model,
      }: {
        readonly machine: Tally;
        readonly member: string;
        readonly index: number;
        readonly model: { readonly most: number };
      }) => {
        if (machine.total > model.most) throw new RangeError(`${member} has too much at ${index}`);
      },
    };
    const { property, cause, message } = await violationOf(options);
    expect(property).toBe("invariant");
    expect(cause).toBeInstanceOf(RangeError);
    expect(message).toMatch(
      /^invariant: invariant has thrown at (n\d) at (\d+): \1 has too much at \2/,
    );
  });

  test("is looked at at the end: what was acknowledged is there, once each", async () => {
    let ends = 0;
    const summary = await simulate({
      ...SHORT,
      machine: () => new Tally(),
      model: () => ({ least: 0, unknown: 0 }),
      workload: async ({ propose, model }) => {
        try {
          await propose(Buffer.from("a"));
          model.least += 1;
        } catch (error) {
          if (isRaftError(error) && error.outcome === "unknown") model.unknown += 1;
        }
      },
      atEnd: ({ machines, commands, model }) => {
        ends += 1;
        for (const [member, machine] of machines) {
          expect(member).toMatch(/^n[1-7]$/);
          expect(machine.query("a")).toBe(commands.length);
        }
        expect(machines.size).toBeGreaterThan(0);
        expect(commands.length).toBeGreaterThanOrEqual(model.least);
      },
      runs: 4,
    });
    // The first seed is run twice.
    expect(ends).toBe(5);
    expect(summary.unknown).toBeGreaterThan(0);
  });

  test("and what is thrown at the end is told", async () => {
    const { property, message } = await violationOf({
      ...SHORT,
      machine: () => new Tally(),
      workload,
      atEnd: () => Promise.reject(new Error("not what was hoped for")),
    });
    expect(property).toBe("atEnd");
    expect(message).toContain("not what was hoped for");
  });

  test("and so is an end that never comes", async () => {
    const { property, message } = await violationOf({
      ...SHORT,
      machine: () => new Tally(),
      workload,
      atEnd: () => new Promise(() => undefined),
    });
    expect(property).toBe("atEnd");
    expect(message).toContain("atEnd waits for what never settles without a timer or I/O");
  });

  test("an exception of the workload is a violation, also one before its first await", async () => {
    for (const broken of [
      () => {
        throw new TypeError("a slip");
      },
      async ({ sleep }: { readonly sleep: (ms: number) => Promise<void> }) => {
        await sleep(5);
        throw new TypeError("a slip");
      },
    ]) {
      const { property, cause } = await violationOf({
        ...SHORT,
        machine: () => new Tally(),
        workload: broken,
      });
      expect(property).toBe("workload");
      expect(cause).toBeInstanceOf(TypeError);
    }
  });

  test("a command that no member can take is the workload's mistake", async () => {
    const { property, message } = await violationOf({
      ...SHORT,
      machine: () => new Tally(),
      workload: ({ propose }) => propose("text" as unknown as Uint8Array),
    });
    expect(property).toBe("workload");
    expect(message).toContain("encode it first");
  });

  test("a read of a kind that there is not is, too", async () => {
    const { property, message } = await violationOf({
      ...SHORT,
      machine: () => new Tally(),
      workload: ({ read }) => read("a", { consistency: "eventual" as "local" }),
    });
    expect(property).toBe("workload");
    expect(message).toContain("eventual");
  });

  test("a time to sleep that is no number is, too", async () => {
    const { property, message } = await violationOf({
      ...SHORT,
      machine: () => new Tally(),
      workload: ({ sleep }) => sleep(NaN),
    });
    expect(property).toBe("workload");
    expect(message).toContain("NaN");
  });

  test("a call that waits for ever is told", async () => {
    const { property, message } = await violationOf({
      ...SHORT,
      machine: () => new Tally(),
      workload: async ({ propose }) => {
        await propose(Buffer.from("a"));
        await new Promise(() => undefined);
      },
    });
    expect(property).toBe("L2");
    expect(message).toContain(
      "the workload has not ended: it, or the machine, waits for what never",
    );
  });

  test("a call that nobody awaits, and that fails, is told as that", async () => {
    const { property, message } = await violationOf({
      ...SHORT,
      machine: () => new Tally(),
      workload: ({ propose }) => void propose(Buffer.from("a")),
    });
    expect(property).toBe("S27");
    expect(message).toContain("\n  or:     the workload does not await a call\n");
  });

  test.each(["query", "apply"] as const)(
    "a machine whose %s waits for ever is asked about",
    async (method) => {
      const machine = (): Tally =>
        Object.assign(new Tally(), { [method]: () => new Promise(() => undefined) });
      const { message } = await violationOf({ ...SHORT, machine, workload, shrinkRuns: 0 });
      expect(message).toMatch(/machine,? waits for what never settles without a timer or I\/O/);
    },
  );

  test.each<[what: string, workload: (client: SimulatedClient<Tally>) => unknown]>([
    [
      "that awaits each",
      async ({ propose }) => {
        for (;;) await propose(Buffer.from("a"));
      },
    ],
    [
      "that catches all",
      async ({ propose }) => {
        for (;;) await propose("text" as unknown as Uint8Array).catch(() => undefined);
      },
    ],
    [
      "that awaits none",
      ({ propose }) => {
        for (;;) propose(Buffer.from("a")).catch(() => undefined);
      },
    ],
    [
      "of reads",
      async ({ read }) => {
        for (;;) await read("a");
      },
    ],
    [
      "of sleep that takes no time",
      async ({ sleep }) => {
        for (;;) await sleep(0);
      },
    ],
  ])("a loop without end is told, one %s", async (_, endless) => {
    const { property, message } = await violationOf({
      ...SHORT,
      machine: () => new Tally(),
      workload: endless,
      callsPerSecond: 1,
      nodes: 1,
      profile: "calm",
    });
    expect(property).toBe("endless");
    expect(message).toMatch(/^endless: a call of c\d has proposed, read or slept 500 times and/);
  });
});

describe("a test that tests nothing is refused:", () => {
  test("one that never calls anything", async () => {
    const options = { ...SHORT, machine: () => new Tally(), workload: () => undefined, runs: 2 };
    expect((await violationOf(options)).property).toBe("effect");
  });

  test("one that is another run each time", async () => {
    let calls = 0;
    const { property } = await violationOf({
      ...SHORT,
      machine: () => new Tally(),
      workload: async ({ propose, sleep }) => {
        calls += 1;
        await sleep(calls < 50 ? 0 : 1);
        await propose(Buffer.from("a"));
      },
    });
    expect(property).toBe("determinism");
  });
});

describe("the seed", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("comes from QUORATE_SEED, where that is set", async () => {
    vi.stubEnv("QUORATE_SEED", "7");
    const options = { ...SHORT, machine: () => new Tally(), workload, runs: 50 };
    expect(await simulate(options)).toMatchObject({ seed: 7, runs: 1 });
    vi.stubEnv("QUORATE_SEED", "seven");
    await expect(simulate(options)).rejects.toMatchObject({ code: "RAFT_INVALID_OPTION" });
  });
});

test("options that are missing, unknown, of the wrong type or out of range are refused by name", async () => {
  const right = { machine: () => new Tally(), workload };
  const wrong: readonly (readonly [options: unknown, text: RegExp])[] = [
    [undefined, /options must be an object, not undefined/],
    [{}, /machine is missing; workload is missing/],
    [{ ...right, machine: new Tally() }, /machine must be a function, not Tally/],
    [{ ...right, machine: () => ({}) }, /what machine\(\) returns must have the methods apply/],
    [{ ...right, runs: 0 }, /runs must be a whole number from 1 to 1000000, not 0/],
    [{ ...right, seed: -1 }, /seed must be/],
    [{ ...right, seed: "7" }, /seed must be a whole number from 0 to \d+, not "7"/],
    [{ ...right, nodes: 8 }, /nodes must be a whole number from 1 to 7, not 8/],
    [{ ...right, durationMs: 0.5 }, /durationMs must be/],
    [{ ...right, profile: "wild" }, /profile must be one of default, calm,.*, not "wild"/],
    [{ ...right, digest: 5 }, /digest must be a function, not 5/],
    [{ ...right, invariants: [] }, /invariants is not an option: there are machine, workload/],
  ];
  for (const [options, text] of wrong) {
    const refused = simulate(options as SimulateOptions<Tally>);
    await expect(refused).rejects.toThrow(text);
    await expect(refused).rejects.toMatchObject({ code: "RAFT_INVALID_OPTION" });
  }
});
