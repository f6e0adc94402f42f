/** The least machine that somebody who embeds a node would write: commands of a key and a value, into a `Map`. */

import { decode, encode } from "../../src/codec.ts";
import type { AppliedCommand, StateMachine } from "../../src/node/state-machine.ts";

export function encodePut(key: string, value: string): Uint8Array {
  return encode([key, value]);
}

export class MapMachine implements StateMachine<undefined, string, string | undefined> {
  #map = new Map<string, string>();

  apply(commands: readonly AppliedCommand[]): readonly undefined[] {
    return commands.map(({ payload }) => {
      const [key, value] = decode(payload) as [string, string];
      this.#map.set(key, value);
      return undefined;
    });
  }

  query(key: string): string | undefined {
    return this.#map.get(key);
  }

  async *snapshot(): AsyncGenerator<Uint8Array> {
    yield encode([...this.#map]);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    this.#map = new Map(decode(Buffer.concat(parts)) as [string, string][]);
  }
}
