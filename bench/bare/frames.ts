/** Frames of the bare line: four bytes of length, then MessagePack. */

import type { Socket } from "node:net";
import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false });

export function pack(value: unknown): Buffer {
  return packr.pack(value);
}

export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes) as unknown;
}

/** Writes the bytes as one frame. */
export function writeFrame(socket: Socket, body: Uint8Array): void {
  const header = Buffer.allocUnsafe(4);
  header.writeUInt32LE(body.length);
  socket.cork();
  socket.write(header);
  socket.write(body);
  socket.uncork();
}

/** Calls back with the body of each frame that arrives. */
export function onFrames(socket: Socket, onFrame: (body: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length >= at + 4) {
      const end = at + 4 + bytes.readUInt32LE(at);
      if (bytes.length < end) break;
      onFrame(bytes.subarray(at + 4, end));
      at = end;
    }
    rest = bytes.subarray(at);
  });
}
