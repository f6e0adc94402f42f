/**
 * The shipped client, with all that it does recorded: for the simulator and for tests with real processes alike. The
 * promises are those of the client.
 */

import type { KvClient, KvIncrement, KvRange, KvRead, KvWrite } from "../src/kv/client.ts";
import type { CallOptions, RangeOptions, ReadCallOptions } from "../src/kv/client.ts";
import type { KvValue } from "../src/kv/commands.ts";
import type { VersionedValue } from "../src/kv/results.ts";
import { isRaftError } from "../src/errors.ts";
import { isWrite } from "./history.ts";
import type {
  Call,
  Found,
  HistoryExpectation,
  HistoryRecorder,
  HistoryValue,
  OpenOperation,
  Result,
} from "./history.ts";

/** What a write found tells a checker most. */
const PREVIOUS = { previous: true };

/** A client under a name of its own. Values are strings and numbers: histories hold no bytes. */
export class RecordedClient {
  readonly #client: KvClient;
  readonly #name: string;
  readonly #recorder: HistoryRecorder;

  constructor(client: KvClient, name: string, recorder: HistoryRecorder) {
    this.#client = client;
    this.#name = name;
    this.#recorder = recorder;
  }

  async get(key: string, options: ReadCallOptions = {}): Promise<KvRead> {
    const call: Call = { op: "get", key, consistency: options.consistency };
    return this.#record(call, () => this.#client.get(key, options), resultOfRead);
  }

  async put(key: string, value: HistoryValue, options?: CallOptions): Promise<KvWrite> {
    return this.#write({ op: "put", key, value }, () =>
      this.#client.put(key, value, { ...options, ...PREVIOUS }),
    );
  }

  async delete(key: string, options?: CallOptions): Promise<KvWrite> {
    return this.#write({ op: "delete", key }, () =>
      this.#client.delete(key, { ...options, ...PREVIOUS }),
    );
  }

  async compareAndSet(
    key: string,
    expected: HistoryExpectation,
    value: HistoryValue | undefined,
    options?: CallOptions,
  ): Promise<KvWrite> {
    return this.#write({ op: "cas", key, expected, value }, () =>
      this.#client.compareAndSet(key, expected, value, { ...options, ...PREVIOUS }),
    );
  }

  async append(key: string, value: string, options?: CallOptions): Promise<KvWrite> {
    return this.#write({ op: "append", key, value }, () =>
      this.#client.append(key, value, { ...options, ...PREVIOUS }),
    );
  }

  async increment(key: string, by: number, options?: CallOptions): Promise<KvIncrement> {
    return this.#write({ op: "increment", key, value: by }, () =>
      this.#client.increment(key, by, options),
    );
  }

  /**
   * Recorded as one get for each of `keys`, which lie in the range: those that the answer lacks are absent, unless it
   * was cut off before it came to them.
   */
  async range(
    keys: readonly string[],
    range: RangeOptions,
    options: ReadCallOptions = {},
  ): Promise<KvRange> {
    const { consistency } = options;
    const reads = keys.map((key) => ({
      key,
      read: this.#recorder.start(this.#name, { op: "get", key, consistency }),
    }));
    try {
      const answer = await this.#client.range(range, options);
      for (const { key, read } of reads) completeFromRange(read, key, answer, range.reverse);
      return answer;
    } catch (error) {
      for (const { read } of reads) read.unknown();
      throw error;
    }
  }

  #write<Write extends KvWrite>(call: Call, run: () => Promise<Write>): Promise<Write> {
    return this.#record(call, run, ({ status, previous, index }) => {
      // The client encoded the command: no member can have found it invalid.
      if (status === "invalid-command")
        throw new TypeError("the log holds other bytes than were sent");
      return { status, previous: foundOf(previous), index };
    });
  }

  async #record<Answer>(
    call: Call,
    run: () => Promise<Answer>,
    resultOf: (answer: Answer) => Result,
  ): Promise<Answer> {
    const operation = this.#recorder.start(this.#name, call);
    let answer: Answer;
    try {
      answer = await run();
    } catch (error) {
      // Without an answer a read says nothing, whatever became of it.
      const isRefused = isWrite(call) && isRaftError(error) && error.outcome === "rejected";
      if (isRefused) operation.reject();
      else operation.unknown();
      throw error;
    }
    operation.complete(resultOf(answer));
    return answer;
  }
}

function completeFromRange(
  read: OpenOperation,
  key: string,
  { index, entries, more }: KvRange,
  reverse: boolean | undefined,
): void {
  const entry = entries.find((candidate) => candidate.key === key);
  const last = entries.at(-1)?.key;
  const isBeyond = last !== undefined && (reverse === true ? key < last : key > last);
  // Of what was cut off the answer says nothing: that read stays open.
  if (!more || !isBeyond) read.complete({ status: "ok", previous: foundOf(entry), index });
}

function resultOfRead({ index, value, modifiedIndex }: KvRead): Result {
  const previous = { value: optionalValueOf(value), index: modifiedIndex };
  return { status: "ok", previous, index };
}

function foundOf(previous: VersionedValue | undefined): Found {
  return { value: optionalValueOf(previous?.value), index: previous?.index };
}

function optionalValueOf(value: KvValue | undefined): HistoryValue | undefined {
  if (value instanceof Uint8Array) throw new TypeError("histories hold no bytes");
  return value;
}
