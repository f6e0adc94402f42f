/** The transport suite refuses wrong transports and links: what is between members and clients. */

import { describe, expect, test } from "vitest";
import { MemoryTransport } from "../../src/transport/memory.ts";
import type {
  ClientLink,
  Connection,
  ConnectionHandler,
  TransportHandler,
} from "../../src/transport/transport.ts";
import { refusalsOf } from "./wrong-transport.ts";
import type { Implementation } from "./wrong-transport.ts";

/** A transport whose members serve a client by what `onClient` makes of their handler. */
function serving(
  onClient: (connection: Connection, handler: TransportHandler) => ConnectionHandler | undefined,
): Implementation {
  return class extends MemoryTransport {
    override get handler(): TransportHandler {
      const { handler } = { handler: super.handler };
      return {
        onMessage: (message) => handler.onMessage(message),
        admitPeer: (peer) => handler.admitPeer(peer),
        onRefused: (peer, refusal) => handler.onRefused(peer, refusal),
        onClient: (connection) => onClient(connection, handler),
      };
    }
  };
}

/** The handler with something else in place of some of it. */
function instead(
  handler: ConnectionHandler | undefined,
  other: Partial<ConnectionHandler>,
): ConnectionHandler | undefined {
  if (handler === undefined) return undefined;
  return {
    onFrame: (frame) => handler.onFrame(frame),
    onDrained: () => handler.onDrained?.(),
    onClose: (error) => handler.onClose(error),
    ...other,
  };
}

/** The connection with something else in place of some of it. */
function through(connection: Connection, other: Partial<Connection>): Connection {
  return {
    remote: connection.remote,
    get bufferedBytes() {
      return connection.bufferedBytes;
    },
    send: (frame) => connection.send(frame),
    close: () => connection.close(),
    ...other,
  };
}

const FRAMES = "frames between client and member arrive whole and in order";
const DRAINS = "each side of a client connection hears when all that it has sent has left";
const CLOSES = "each side of a client connection hears of its end exactly once";

const MISTAKES: readonly (readonly [
  mistake: string,
  refusedBy: string,
  Transport: Implementation,
])[] = [
  [
    "turns every two frames around",
    FRAMES,
    serving((connection, handler) => {
      let kept: Uint8Array | undefined;
      const right = handler.onClient(connection);
      return instead(right, {
        onFrame: (frame) => {
          if (kept === undefined) kept = frame;
          else {
            right?.onFrame(frame);
            right?.onFrame(kept);
            kept = undefined;
          }
        },
      });
    }),
  ],
  [
    "cuts frames into pieces",
    FRAMES,
    serving((connection, handler) => {
      const right = handler.onClient(connection);
      return instead(right, {
        onFrame: (frame) => {
          for (let at = 0; at < frame.length; at += 4096)
            right?.onFrame(frame.subarray(at, at + 4096));
        },
      });
    }),
  ],
  [
    "uses one buffer for all frames",
    FRAMES,
    serving((connection, handler) => {
      const buffer = Buffer.alloc(1024 * 1024);
      const right = handler.onClient(connection);
      return instead(right, {
        onFrame: (frame) => {
          buffer.set(frame);
          right?.onFrame(buffer.subarray(0, frame.length));
        },
      });
    }),
  ],
  [
    "never says that all has left",
    DRAINS,
    serving((connection, handler) => {
      return instead(handler.onClient(connection), { onDrained: () => undefined });
    }),
  ],
  [
    "says that all has left before send returns",
    DRAINS,
    serving((connection, handler) => {
      const right = handler.onClient(
        through(connection, {
          bufferedBytes: 0,
          send: (frame) => {
            connection.send(frame);
            right?.onDrained?.();
          },
        }),
      );
      return instead(right, { onDrained: () => undefined });
    }),
  ],
  [
    "tells of the end twice",
    CLOSES,
    serving((connection, handler) => {
      const right = handler.onClient(connection);
      return instead(right, {
        onClose: (error) => {
          right?.onClose(error);
          right?.onClose(error);
        },
      });
    }),
  ],
  [
    "does not tell the side that closes",
    CLOSES,
    serving((connection, handler) => {
      let isOver = false;
      const right = handler.onClient(
        through(connection, {
          close: () => {
            isOver = true;
            connection.close();
          },
        }),
      );
      return instead(right, { onClose: (error) => void (isOver || right?.onClose(error)) });
    }),
  ],
  [
    "leaves its clients connected when it closes",
    "a member that closes ends the connections of its clients",
    serving((connection, handler) => {
      return instead(handler.onClient(connection), { onClose: () => undefined });
    }),
  ],
  [
    "lives on after an exception",
    "an exception in a frame handler closes that connection and no other",
    serving((connection, handler) => {
      const right = handler.onClient(connection);
      return instead(right, {
        onFrame: (frame) => {
          try {
            right?.onFrame(frame);
          } catch {}
        },
      });
    }),
  ],
  [
    "keeps clients that nobody serves",
    "a client that nobody serves does not stay",
    serving((connection, handler) => {
      return handler.onClient(connection) ?? { onFrame: () => undefined, onClose: () => undefined };
    }),
  ],
];

const WRONG_LINKS: readonly (readonly [
  mistake: string,
  refusedBy: string,
  wrap: (link: ClientLink) => ClientLink,
])[] = [
  [
    "connects to nobody",
    "connecting to where nobody listens is refused",
    (link) => ({
      connect: (address, handler, signal) =>
        link.connect(address, handler, signal).catch(() => ({
          remote: address,
          bufferedBytes: 0,
          send: () => undefined,
          close: () => undefined,
        })),
      close: () => link.close(),
    }),
  ],
  [
    "never gives up",
    "connecting can be given up",
    (link) => ({
      connect: (address, handler) => link.connect(address, handler, new AbortController().signal),
      close: () => link.close(),
    }),
  ],
  [
    "leaves its connections open",
    "a link that closes ends its connections",
    (link) => ({
      connect: (address, handler, signal) => link.connect(address, handler, signal),
      close: () => Promise.resolve(),
    }),
  ],
];

describe("a wrong transport is refused: one that", () => {
  test.each(MISTAKES)("%s", async (_, refusedBy, Transport) => {
    const refusals = await refusalsOf(refusedBy, Transport);
    expect(refusals).toEqual({ right: [], wrong: [refusedBy] });
  });
});

describe("a wrong link of clients is refused: one that", () => {
  test.each(WRONG_LINKS)("%s", async (_, refusedBy, wrap) => {
    const refusals = await refusalsOf(refusedBy, MemoryTransport, wrap);
    expect(refusals).toEqual({ right: [], wrong: [refusedBy] });
  });
});
