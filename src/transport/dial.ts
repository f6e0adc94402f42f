/** Opens a socket, plain or TLS: connected, and where TLS is wanted, with a certificate of our authority. */

import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { parseAddress } from "../address.ts";
import { messageOf, RaftError } from "../errors.ts";
import { FrameSocket } from "./frame-socket.ts";
import { secureContextOptions, type TlsOptions } from "./tls.ts";

/**
 * Rejects with `RAFT_CONNECTION_LOST`, or with the reason of `signal`. The signal closes the connection also later.
 */
export async function dial(
  address: string,
  tls: TlsOptions | undefined,
  signal: AbortSignal,
): Promise<FrameSocket> {
  const socket = new FrameSocket(await openSocket(address, tls, signal));
  const onAbort = (): void => socket.close(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return socket;
}

function openSocket(
  address: string,
  tls: TlsOptions | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const { host, port } = parseAddress(address);
    const socket =
      tls === undefined
        ? connect({ host, port })
        : // Names are compared by the handshake, which knows the node id.
          connectTls({
            ...secureContextOptions(tls),
            host,
            port,
            checkServerIdentity: () => undefined,
          });
    const settle = (): void => {
      signal.removeEventListener("abort", onAbort);
      socket.removeListener("close", onClose);
    };
    const onAbort = (): void => {
      settle();
      socket.destroy();
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
    let cause: Error | undefined;
    const onClose = (): void => {
      settle();
      const problem = cause === undefined ? "closed by the other side" : messageOf(cause);
      // A side that speaks plain text answers TLS by hanging up.
      const hint = tls !== undefined && isHangUp(cause) ? ": does it speak TLS?" : "";
      reject(
        new RaftError("RAFT_CONNECTION_LOST", `cannot connect to ${address}: ${problem}${hint}`, {
          cause,
        }),
      );
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("error", (error) => (cause = error));
    socket.once("close", onClose);
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      settle();
      resolve(socket);
    });
  });
}

function isHangUp(error: Error | undefined): boolean {
  return error === undefined || ("code" in error && error.code === "ECONNRESET");
}
