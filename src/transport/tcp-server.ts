/** The listening side: accepts sockets, plain or TLS, and bounds how many of them have not said who they are. */

import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { type Address, formatAddress } from "../address.ts";
import { messageOf, RaftError } from "../errors.ts";
import { secureContextOptions, type TlsOptions } from "./tls.ts";

export interface TcpServerOptions {
  readonly address: Address;
  readonly tls: TlsOptions | undefined;
  readonly maxPendingHandshakes: number;
  /** Bounds TLS's own handshake, which comes before `onSocket`. */
  readonly handshakeTimeoutMs: number;
  /** Resolves when the socket's owner knows who is there, or has destroyed it; never rejects. */
  onSocket(socket: Socket): Promise<void>;
  onProblem(remoteHost: string, problem: string): void;
}

export class TcpServer {
  readonly #options: TcpServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Of `#sockets`, how many have passed the handshake. */
  #known = 0;
  #listening: Promise<void> | undefined;
  #closed = false;

  constructor(options: TcpServerOptions) {
    this.#options = options;
    const { tls } = options;
    this.#server =
      tls === undefined
        ? createServer()
        : createTlsServer({
            ...secureContextOptions(tls),
            requestCert: true,
            rejectUnauthorized: true,
            handshakeTimeout: options.handshakeTimeoutMs,
          });
    this.#server.on("connection", (socket: Socket) => {
      this.#admit(socket);
      if (tls === undefined && !socket.destroyed) void this.#serve(socket);
    });
    this.#server.on("secureConnection", (socket: Socket) => void this.#serve(socket));
    this.#server.on("tlsClientError", (error: Error, socket: TLSSocket) =>
      options.onProblem(
        socket.remoteAddress ?? "unknown",
        `TLS failed: ${tlsReason(error, socket)}`,
      ),
    );
  }

  /** Where it listens, `host:port`, once it does. */
  get address(): string | undefined {
    const bound = this.#server.address();
    return bound === null || typeof bound === "string"
      ? undefined
      : formatAddress({ host: bound.address, port: bound.port });
  }

  /** Rejects with `RAFT_ADDRESS_IN_USE`, or `RAFT_INVALID_OPTION` where the address is not of this machine. */
  listen(): Promise<void> {
    this.#listening = new Promise((resolve, reject) => {
      this.#server.once("error", (error) => reject(cannotListen(this.#options.address, error)));
      this.#server.listen(this.#options.address, () => {
        this.#server.on("error", (error) => this.#options.onProblem("server", messageOf(error)));
        resolve();
      });
    });
    return this.#listening;
  }

  /** Destroys all sockets that it has accepted; resolves when the port is free. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy();
    const listens = await this.#listening?.then(
      () => true,
      () => false,
    );
    if (listens !== true) return;
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #admit(socket: Socket): void {
    if (this.#closed) {
      socket.destroy();
      return;
    }
    if (this.#sockets.size - this.#known >= this.#options.maxPendingHandshakes) {
      socket.destroy();
      this.#options.onProblem("server", "too many connections that do not say who they are");
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  async #serve(socket: Socket): Promise<void> {
    await this.#options.onSocket(socket);
    if (socket.closed) return;
    this.#known += 1;
    socket.once("close", () => (this.#known -= 1));
  }
}

/**
 * OpenSSL's message is for those who know its sources; beside it is a reason in words. What is wrong with a certificate is
 * not in the error at all: then Node hangs up, and says that.
 */
function tlsReason(error: Error, { authorizationError }: TLSSocket): string {
  if (authorizationError) return `the certificate is not accepted: ${String(authorizationError)}`;
  return "reason" in error && typeof error.reason === "string" ? error.reason : messageOf(error);
}

function cannotListen(address: Address, error: Error): RaftError {
  const inUse = "code" in error && error.code === "EADDRINUSE";
  return new RaftError(
    inUse ? "RAFT_ADDRESS_IN_USE" : "RAFT_INVALID_OPTION",
    `cannot listen on ${formatAddress(address)}: ${inUse ? "somebody else does" : error.message}`,
    { cause: error },
  );
}
