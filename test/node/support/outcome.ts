/** What became of a call, watched from the moment on which it is made. */

import { isRaftError } from "../../../src/errors.ts";
import type { RaftError } from "../../../src/errors.ts";
import type { PeerMessage } from "../../../src/transport/transport.ts";
import type { DeliveryPolicy } from "../../../src/transport/memory.ts";

/** The error that the promise rejects with; rejects where there is none. */
export async function failureOf(promise: Promise<unknown>): Promise<RaftError> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (isRaftError(error)) return error;
    throw error;
  }
  throw new Error(`it was expected to fail, and gave ${JSON.stringify(value)}`);
}

/** A call that may be pending: `state` tells how it stands. */
export interface Watched {
  state: "pending" | "done" | "failed";
  value: unknown;
}

export function watch(promise: Promise<unknown>): Watched {
  const watched: Watched = { state: "pending", value: undefined };
  promise.then(
    (value) => Object.assign(watched, { state: "done", value }),
    (error: unknown) => Object.assign(watched, { state: "failed", value: error }),
  );
  return watched;
}

/** Remembers what is sent, and decides whether it arrives: at once, but where `fate` says otherwise. */
export class Wire {
  readonly sent: PeerMessage[] = [];
  fate: DeliveryPolicy = () => [0];

  readonly policy: DeliveryPolicy = (message, from, to) => {
    this.sent.push(message);
    return this.fate(message, from, to);
  };

  /** How many messages of this type have been sent by `from`. */
  count(type: PeerMessage["type"], from?: string): number {
    return this.of(type, from).length;
  }

  of(type: PeerMessage["type"], from?: string): PeerMessage[] {
    return this.sent.filter(
      (message) => message.type === type && (from === undefined || message.from === from),
    );
  }
}

/** As the log has it: the bytes of a text. */
export function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}
