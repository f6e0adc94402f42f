/** A cluster of three processes with mutual TLS. */

import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { expect, test } from "vitest";
import { endpointsFrom, freePorts, Program, QUICK, quorate, temporaryFolder } from "./support.ts";

function file(name: string): string {
  return fileURLToPath(new URL(`../transport/certificates/${name}`, import.meta.url));
}

function tls(name: string): readonly string[] {
  return [
    "--tls-cert",
    file(`${name}.crt`),
    "--tls-key",
    file(`${name}.key`),
    "--tls-ca",
    file("ca.crt"),
  ];
}

test("members and clients show certificates; a client without one is refused", async () => {
  const folder = await temporaryFolder();
  const basePort = await freePorts();
  const peers = ["n1", "n2", "n3"].map((id, at) => `${id}=127.0.0.1:${basePort + at}`).join(",");
  const members = ["n1", "n2", "n3"].map((id) => {
    const args = ["--id", id, "--peers", peers, "--data", join(folder, id)];
    return new Program("node", ...args, ...tls(id), ...QUICK);
  });
  await Promise.any(members.map((member) => member.shows(/leader in term \d+/)));
  const endpoints = ["--endpoints", endpointsFrom(basePort)];

  expect(await quorate("kv", "put", "k", "v", ...tls("client"), ...endpoints)).toMatchObject({
    code: 0,
  });
  expect(await quorate("kv", "get", "k", ...tls("client"), ...endpoints)).toMatchObject({
    stdout: "v\n",
  });
  const stranger = await quorate("kv", "get", "k", "--timeout", "500", ...endpoints);
  expect(stranger).toMatchObject({ code: 1, stdout: "" });
  expect(stranger.stderr).toMatch(/^RAFT_TIMEOUT: /);
  const unsigned = ["--tls-cert", file("other-n2.crt"), "--tls-key", file("other-n2.key")];
  const forged = await quorate("status", ...unsigned, "--tls-ca", file("ca.crt"), ...endpoints);
  expect(forged.stdout.match(/unreachable/g)).toHaveLength(3);
  expect(forged.code).toBe(1);

  for (const member of members) member.signal("SIGTERM");
  for (const member of members) {
    const { code, stderr } = await member.ended;
    expect(stderr).toMatch(/ info {2}stopped\n$/);
    expect(code).toBe(0);
  }
});
