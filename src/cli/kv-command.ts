/** `quorate kv`: one call to the store. */

import { isRaftError } from "../errors.ts";
import type { Expectation, KvClient, KvValue, KvWrite, VersionedValue } from "../kv/index.ts";
import { integer, parse } from "./arguments.ts";
import { CLIENT_OPTIONS, clientSettings, connect } from "./client-options.ts";
import { describeFailure, exitCodeOf, UsageError, withCause } from "./failures.ts";
import { print } from "./terminal.ts";

const OPTIONS = {
  ...CLIENT_OPTIONS,
  delete: { type: "boolean" },
  expect: { type: "string" },
  "expect-absent": { type: "boolean" },
  "expect-index": { type: "string" },
  number: { type: "boolean" },
  limit: { type: "string" },
  reverse: { type: "boolean" },
  local: { type: "boolean" },
} as const;

type Options = ReturnType<typeof parseOptions>["values"];

/** What a call has to say: for people, for programs, and by its exit code. */
interface Answer {
  /** `undefined` where there is nothing to say. */
  readonly text: string | undefined;
  readonly json: unknown;
  readonly exitCode: number;
}

type Call = (client: KvClient) => Promise<Answer>;

/** Which options, beside those of every client, mean something to an action. */
const ACTIONS = {
  get: { options: ["local"], read: getCall },
  put: { options: ["number"], read: putCall },
  delete: { options: [], read: deleteCall },
  cas: {
    options: ["delete", "expect", "expect-absent", "expect-index", "number"],
    read: casCall,
  },
  range: { options: ["limit", "reverse", "local"], read: rangeCall },
} as const satisfies Record<
  string,
  {
    readonly options: readonly (keyof typeof OPTIONS)[];
    read(operands: readonly string[], options: Options): Call;
  }
>;

export async function kv(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(args);
  const [name, ...operands] = positionals;
  const call = callFrom(name, operands, values);
  const settings = clientSettings(values);
  const client = connect(settings);
  try {
    const { text, json, exitCode } = await call(client);
    if (settings.json) print(JSON.stringify(json));
    else if (exitCode > 0) process.stderr.write(`${text}\n`);
    else if (text !== undefined) print(text);
    return exitCode;
  } catch (error) {
    if (!isRaftError(error)) throw error;
    const { code, outcome } = error;
    const message = withCause(error);
    if (settings.json) print(JSON.stringify({ error: { code, message, outcome } }));
    else process.stderr.write(`${describeFailure(error)}\n${outcomeText(outcome)}`);
    return exitCodeOf(error);
  } finally {
    await client.close();
  }
}

function parseOptions(args: readonly string[]) {
  return parse({ args: [...args], options: OPTIONS, allowPositionals: true });
}

function callFrom(name: string | undefined, operands: readonly string[], values: Options): Call {
  const names = Object.keys(ACTIONS).join(", ");
  if (name === undefined) throw new UsageError(`kv needs one of ${names}`);
  if (!isAction(name)) throw new UsageError(`kv knows ${names}, not ${JSON.stringify(name)}`);
  const action = ACTIONS[name];
  const known: readonly string[] = [...Object.keys(CLIENT_OPTIONS), ...action.options];
  const foreign = Object.keys(values).find((option) => !known.includes(option));
  if (foreign !== undefined) throw new UsageError(`kv ${name} does not take --${foreign}`);
  return action.read(operands, values);
}

function isAction(name: string): name is keyof typeof ACTIONS {
  return Object.hasOwn(ACTIONS, name);
}

/** Who looks at the answer wants to see what was there. */
const PREVIOUS = { previous: true };

function getCall(operands: readonly string[], options: Options): Call {
  const [key] = exactly("get", ["KEY"], operands);
  return async (client) => {
    const { index, value, modifiedIndex } = await client.get(key, consistencyOf(options));
    return {
      text: value === undefined ? `no such key: ${key}` : textOf(value),
      json: {
        key,
        value: value === undefined ? null : jsonOf(value),
        modifiedIndex: modifiedIndex ?? null,
        index,
      },
      exitCode: value === undefined ? 1 : 0,
    };
  };
}

function putCall(operands: readonly string[], options: Options): Call {
  const [key, value] = withValue(exactly("put", ["KEY", "VALUE"], operands), options);
  return async (client) => written(key, await client.put(key, value, PREVIOUS));
}

function deleteCall(operands: readonly string[]): Call {
  const [key] = exactly("delete", ["KEY"], operands);
  return async (client) => {
    const write = await client.delete(key, PREVIOUS);
    const answer = written(key, write);
    const wasThere = write.previous !== undefined;
    return wasThere ? answer : { ...answer, text: `${answer.text}: there was no such key` };
  };
}

function casCall(operands: readonly string[], options: Options): Call {
  const [key, value] =
    options.delete === true
      ? [...exactly("cas", ["KEY"], operands), undefined]
      : withValue(exactly("cas", ["KEY", "VALUE"], operands), options);
  const expectation = expectationFrom(options);
  return async (client) =>
    written(key, await client.compareAndSet(key, expectation, value, PREVIOUS));
}

function rangeCall(operands: readonly string[], options: Options): Call {
  if (operands.length > 2) {
    throw new UsageError(`kv range takes [START [END]], not ${operands.length} operands`);
  }
  const [start, end] = operands;
  const limit = integer("limit", options.limit, { min: 1, max: 1000 });
  const range = {
    ...(start === undefined ? undefined : { start }),
    ...(end === undefined ? undefined : { end }),
    ...(limit === undefined ? undefined : { limit }),
    reverse: options.reverse === true,
  };
  return async (client) => {
    const { index, entries, more } = await client.range(range, consistencyOf(options));
    const lines = entries.map(({ key, value }) => `${key}\t${textOf(value)}`);
    if (more) lines.push("... and more: see --limit");
    return {
      text: lines.length === 0 ? undefined : lines.join("\n"),
      json: {
        entries: entries.map((entry) => ({ key: entry.key, ...versionedJson(entry) })),
        more,
        index,
      },
      exitCode: 0,
    };
  };
}

function written(key: string, { index, status, previous }: KvWrite): Answer {
  const json = { key, status, index, previous: versionedJson(previous) };
  if (status === "ok") return { text: `ok, at log index ${index}`, json, exitCode: 0 };
  const found =
    previous === undefined
      ? "there is no such key"
      : `it holds ${textOf(previous.value)}, written at log index ${previous.index}`;
  return { text: `${status}: ${key} was left as it is: ${found}`, json, exitCode: 1 };
}

function exactly<const Names extends readonly string[]>(
  action: string,
  names: Names,
  operands: readonly string[],
): { readonly [Position in keyof Names]: string } {
  if (operands.length === names.length) {
    return operands as unknown as { readonly [Position in keyof Names]: string };
  }
  throw new UsageError(
    `kv ${action} takes ${names.join(" ")}, not ${operands.length === 1 ? "1 operand" : `${operands.length} operands`}`,
  );
}

function expectationFrom(options: Options): Expectation {
  const index = integer("expect-index", options["expect-index"], {
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
  });
  const given: Expectation[] = [];
  if (options.expect !== undefined) {
    given.push({ type: "value", value: valueFrom(options.expect, options) });
  }
  if (options["expect-absent"] === true) given.push({ type: "absent" });
  if (index !== undefined) given.push({ type: "index", index });
  const [expectation] = given;
  if (expectation !== undefined && given.length === 1) return expectation;
  throw new UsageError(
    `kv cas takes one of --expect, --expect-absent and --expect-index, not ${given.length}`,
  );
}

function withValue([key, text]: readonly [string, string], options: Options): [string, KvValue] {
  return [key, valueFrom(text, options)];
}

function valueFrom(text: string, options: Options): KvValue {
  if (options.number !== true) return text;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value))
    throw new UsageError(`--number takes a finite number, not ${JSON.stringify(text)}`);
  const isWhole = !/^[^x]*[.e]/i.test(text);
  if (isWhole && !Number.isSafeInteger(value))
    throw new UsageError(
      `--number takes whole numbers up to 2^53 - 1, and ${text} would be ${value}`,
    );
  return value;
}

function consistencyOf(options: Options): { readonly consistency: "linearizable" | "local" } {
  return { consistency: options.local === true ? "local" : "linearizable" };
}

function textOf(value: KvValue): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : String(value);
}

/** Bytes have no JSON of their own. */
function jsonOf(value: KvValue): unknown {
  return value instanceof Uint8Array ? { base64: textOf(value) } : value;
}

function versionedJson(found: VersionedValue | undefined): object | null {
  return found === undefined ? null : { value: jsonOf(found.value), modifiedIndex: found.index };
}

function outcomeText(outcome: "rejected" | "unknown"): string {
  return outcome === "unknown"
    ? "The outcome is unknown: the write may have taken effect, or may yet.\n"
    : "";
}
