/**
 * How a simulated client reaches `RaftNode.propose` and `RaftNode.read`: a connection to a member, as a service around it
 * would have. Frames carry the number of a request and the bytes of a command; the values that they stand for, of any
 * type, lie in an exchange that both sides see.
 */

import type { RaftError } from "../../src/errors.ts";
import type { RaftNode } from "../../src/node/node.ts";
import type { Sink } from "../../src/node/sink.ts";
import type { Connection, ConnectionHandler } from "../../src/transport/transport.ts";
import type { Request } from "./operation.ts";

export type Reply =
  | { readonly type: "done"; readonly index: number; readonly value: unknown }
  | { readonly type: "failed"; readonly error: RaftError };

/** Requests that are under way, of one run. */
export class Exchange {
  readonly #requests = new Map<number, Request>();
  readonly #replies = new Map<number, Reply>();
  #numbers = 0;

  open(request: Request): number {
    this.#numbers += 1;
    this.#requests.set(this.#numbers, request);
    return this.#numbers;
  }

  request(number: number): Request | undefined {
    return this.#requests.get(number);
  }

  /** Kept only while somebody waits for it. */
  reply(number: number, reply: Reply): void {
    if (this.#requests.has(number)) this.#replies.set(number, reply);
  }

  close(number: number): Reply | undefined {
    const reply = this.#replies.get(number);
    this.#requests.delete(number);
    this.#replies.delete(number);
    return reply;
  }
}

export function requestFrame(number: number, request: Request): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(number);
  return request.type === "propose" ? Buffer.concat([head, request.command]) : head;
}

/** The number of the request that a frame is about. */
export function numberIn(frame: Uint8Array): number {
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).readUInt32BE();
}

/** The member's side of a connection. */
export class Service implements ConnectionHandler, Sink<unknown> {
  readonly #node: RaftNode;
  readonly #connection: Connection;
  readonly #exchange: Exchange;

  constructor(node: RaftNode, connection: Connection, exchange: Exchange) {
    this.#node = node;
    this.#connection = connection;
    this.#exchange = exchange;
  }

  onFrame(frame: Uint8Array): void {
    const number = numberIn(frame);
    const request = this.#exchange.request(number);
    if (request === undefined) return;
    if (request.type === "propose") this.#node.submit(frame.slice(4), this, number);
    else this.#node.submitRead(request.query, this, number, request.consistency);
  }

  onClose(): void {
    // What is still answered finds nobody.
  }

  done(number: number, index: number, value: unknown): void {
    this.#reply(number, { type: "done", index, value }, index);
  }

  failed(number: number, error: RaftError): void {
    this.#reply(number, { type: "failed", error }, 0);
  }

  #reply(number: number, reply: Reply, index: number): void {
    this.#exchange.reply(number, reply);
    const frame = Buffer.alloc(12);
    frame.writeUInt32BE(number);
    frame.writeDoubleBE(index, 4);
    this.#connection.send(frame);
  }
}
