/**
 * Mutual TLS: who may connect is decided by a certificate authority of the cluster's own, and a member's certificate
 * carries its node id as its name. No host names are compared: a member is who it is, wherever it runs.
 */

import type { Socket } from "node:net";
import { createSecureContext, type SecureContextOptions, TLSSocket } from "node:tls";
import { messageOf, RaftError } from "../errors.ts";

/** PEM. */
export interface TlsOptions {
  /** A member's names its node id, as a subjectAltName of type DNS, or as the common name where there is none. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** The authority that signed all members' and clients' certificates. The system's own authorities are not trusted. */
  readonly ca: string | Buffer;
}

/** Throws `RAFT_INVALID_OPTION` where a part is missing, or is not PEM, or the key is not the certificate's. */
export function secureContextOptions(options: TlsOptions): SecureContextOptions {
  const { cert, key, ca } = options;
  for (const [name, value] of Object.entries({ cert, key, ca })) {
    if ((typeof value !== "string" && !Buffer.isBuffer(value)) || value.length === 0) {
      throw new RaftError(
        "RAFT_INVALID_OPTION",
        `tls.${name} must be PEM, as a string or a Buffer`,
      );
    }
  }
  const context: SecureContextOptions = { cert, key, ca, minVersion: "TLSv1.2" };
  try {
    createSecureContext(context);
  } catch (cause) {
    throw new RaftError("RAFT_INVALID_OPTION", `tls cannot be used: ${messageOf(cause)}`, {
      cause,
    });
  }
  return context;
}

/** Whether the other side may call itself `name`: anybody without TLS, else only the bearer of its certificate. */
export function provesName(socket: Socket, name: string): boolean {
  if (!(socket instanceof TLSSocket)) return true;
  // Host names know no case, node ids do: the name that matched has to be the very name.
  return socket.getPeerX509Certificate()?.checkHost(name, { wildcards: false }) === name;
}
