/** A frame of requests, written apart from how a client writes it: also of what no client would send. */

import type { ClientRequest } from "../../../src/kv/requests.ts";
import { encode } from "../../../src/codec.ts";

export interface RawRequest {
  readonly kind: number;
  readonly id: number;
  readonly body: Uint8Array;
}

const KINDS = { propose: 0, read: 1, status: 2, "local-read": 3 } as const;

export function requestFrame(requests: readonly ClientRequest[]): Uint8Array {
  return rawFrame(
    requests.map((each) => ({ kind: KINDS[each.type], id: each.id, body: bodyOf(each) })),
  );
}

export function rawFrame(
  requests: readonly RawRequest[],
  { version = 4, count = requests.length }: { version?: number; count?: number } = {},
): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt8(version);
  head.writeUInt32BE(count, 1);
  return Buffer.concat([
    head,
    ...requests.flatMap(({ kind, id, body }) => [headOf(kind, id, body), body]),
  ]);
}

function headOf(kind: number, id: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt8(kind);
  head.writeBigUInt64BE(BigInt(id), 1);
  head.writeUInt32BE(body.length, 9);
  return head;
}

function bodyOf(request: ClientRequest): Uint8Array {
  if (request.type === "propose") return request.command;
  return request.type === "status" ? new Uint8Array() : encode(request.query);
}
