/** State machines for the simulator: a right one, and some with the mistakes that people make. */

import type { AppliedCommand, StateMachine } from "../../../src/node/state-machine.ts";
import type { SimulatedClient } from "../../../sim/own/index.ts";

/** Names and how often each was given; answers how often. The right one. */
export class Tally implements StateMachine<number, string, number> {
  protected counts = new Map<string, number>();

  apply(commands: readonly AppliedCommand[]): readonly number[] {
    return commands.map(({ payload }) => this.add(Buffer.from(payload).toString()));
  }

  query(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(JSON.stringify(this.plain()));
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.fill(JSON.parse(await textOf(chunks)) as [string, number][]);
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  protected add(name: string): number {
    const count = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, count);
    return count;
  }

  protected plain(): [string, number][] {
    return [...this.counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  protected fill(plain: readonly [string, number][]): void {
    this.counts = new Map(plain);
  }
}

/** Wrong: the bytes that it is given are the log's. */
export class Wiping extends Tally {
  override apply(commands: readonly AppliedCommand[]): readonly number[] {
    const results = super.apply(commands);
    for (const { payload } of commands) payload.fill(0);
    return results;
  }
}

/** Rolls a die. */
export class Dice extends Tally {
  protected override add(name: string): number {
    return super.add(name) + Math.random();
  }
}

/** Leaves a name out of its snapshots. */
export class Forgetful extends Tally {
  protected override plain(): [string, number][] {
    return super.plain().filter(([name]) => name !== "a");
  }
}

/** Adds what it restores to what it has. */
export class Hoarder extends Tally {
  protected override fill(plain: readonly [string, number][]): void {
    this.counts = new Map(plain.map(([name, count]) => [name, count + 1]));
  }
}

/** Restores no count above 3. */
export class Capped extends Tally {
  protected override fill(plain: readonly [string, number][]): void {
    super.fill(plain.map(([name, count]) => [name, Math.min(count, 3)]));
  }
}

/** Answers what depends on how commands are batched. */
export class Batcher extends Tally {
  override apply(commands: readonly AppliedCommand[]): readonly number[] {
    const results = super.apply(commands);
    return results.map(() => results.length);
  }
}

/** A second tally, in the order in which the names have come: after a restore it may be another. */
export class Unordered extends Tally {
  protected override plain(): [string, number][] {
    const [first, ...rest] = [...this.counts];
    return first === undefined ? [] : [...rest, first];
  }
}

/** The right one, behind promises. */
export class Slow implements StateMachine<number, string, number> {
  readonly #tally = new Tally();

  async apply(commands: readonly AppliedCommand[]): Promise<readonly number[]> {
    await Promise.resolve();
    return this.#tally.apply(commands);
  }

  async query(name: string): Promise<number> {
    await Promise.resolve();
    return this.#tally.query(name);
  }

  snapshot(): AsyncGenerator<Uint8Array> {
    return this.#tally.snapshot();
  }

  restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#tally.restore(chunks);
  }
}

/** Three of four calls write. */
export async function workload({
  random,
  propose,
  read,
}: Pick<SimulatedClient<Tally>, "random" | "propose" | "read">): Promise<void> {
  const name = random.pick(["a", "b", "c"]);
  if (random.below(4) > 0) await propose(Buffer.from(name));
  else await read(name, { consistency: random.pick(["linearizable", "local"]) });
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of chunks) text += Buffer.from(chunk).toString();
  return text;
}
