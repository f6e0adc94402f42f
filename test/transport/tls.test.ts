import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../src/node/clock.ts";
import { TcpClientLink } from "../../src/transport/tcp.ts";
import { certificate, closeAll, deliver, TestNode } from "./fixtures.ts";

afterEach(closeAll);

/** Connects as a client with that certificate, and leaves again. */
async function visit(address: string, name: string, authority = "ca"): Promise<void> {
  const link = new TcpClientLink({ clock: systemClock, tls: certificate(name, authority) });
  const handler = { onFrame: (): void => undefined, onClose: (): void => undefined };
  await link.connect(address, handler, new AbortController().signal);
  await link.close();
}

test("members with certificates of their names talk", async () => {
  const n1 = await TestNode.start("n1", { tls: certificate("n1") });
  const n2 = await TestNode.start("n2", { tls: certificate("n2") });
  n1.join(n2);
  n2.join(n1);
  await deliver(n1, n2);
  await deliver(n2, n1);
  expect(n1.admissions.items).toContainEqual({ nodeId: "n2", storeId: "store of n2" });
});

test("the common name counts where there is no other", async () => {
  const n1 = await TestNode.start("n1", { tls: certificate("n1") });
  const n2 = await TestNode.start("n2", { tls: certificate("cn") });
  n1.join(n2);
  await deliver(n1, n2);
  expect(n2.refusals.items).toEqual([]);
});

test("a member that dials with the certificate of another is refused", async () => {
  const n1 = await TestNode.start("n1", { tls: certificate("client") });
  const n2 = await TestNode.start("n2", { tls: certificate("n2") });
  n1.join(n2);
  expect((await n1.refusals.until()).refusal).toMatchObject({
    code: "RAFT_WRONG_NODE",
    reason: "the certificate is not that of n1",
  });
  expect(await n2.logger.warnings.until()).toContain("the certificate is not that of n1");
  expect(n2.admissions.items).toEqual([]);
});

test("a member that answers with the certificate of another is refused", async () => {
  const n1 = await TestNode.start("n1", { tls: certificate("n1") });
  const n2 = await TestNode.start("n2", { tls: certificate("client") });
  n1.join(n2);
  expect((await n2.refusals.until()).refusal).toMatchObject({
    code: "RAFT_WRONG_NODE",
    reason: "the certificate is not that of n2",
  });
  expect(n1.admissions.items).toEqual([]);
});

test("node ids know case, though host names do not", async () => {
  const n1 = await TestNode.start("N1", { tls: certificate("n1") });
  const n2 = await TestNode.start("n2", { tls: certificate("n2") });
  n1.join(n2);
  expect((await n1.refusals.until()).refusal.code).toBe("RAFT_WRONG_NODE");
});

test("a member of another authority is refused by both sides", async () => {
  const n1 = await TestNode.start("n1", { tls: certificate("n1") });
  const n2 = await TestNode.start("n2", { tls: certificate("other-n2", "other-ca") });
  n1.join(n2);
  n2.join(n1);
  await Promise.all([n1.logger.warnings.until(), n2.logger.warnings.until()]);
  expect([...n1.admissions.items, ...n2.admissions.items]).toEqual([]);
});

test("plain text against TLS, and TLS against plain text, is refused", async () => {
  const n1 = await TestNode.start("n1");
  const n2 = await TestNode.start("n2", { tls: certificate("n2") });
  n1.join(n2);
  n2.join(n1);
  const [plain, encrypted, plainHears, encryptedHears] = await Promise.all([
    n1.logger.warnings.until((text) => text.includes("n2")),
    n2.logger.warnings.until((text) => text.includes("TLS failed")),
    n1.logger.warnings.until((text) => text.startsWith("connections from")),
    n2.logger.warnings.until((text) => text.includes("n1")),
  ]);
  expect(plain).toMatch(
    /(closed by the other side|lost: .*) before it answered: does it want TLS\?$/,
  );
  expect(encrypted).toMatch(/TLS failed: wrong version number$/);
  expect(plainHears).toContain("the other side speaks TLS, this one plain text");
  expect(encryptedHears).toMatch(/: does it speak TLS\?$/);
  expect([...n1.admissions.items, ...n2.admissions.items]).toEqual([]);

  const socket = connect({ host: "127.0.0.1", port: n2.port });
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await new Promise((resolve) => socket.once("close", resolve));
});

test("a certificate that is not accepted is called that, on both sides", async () => {
  const n1 = await TestNode.start("n1", { tls: certificate("n1") });
  const n2 = await TestNode.start("n2", { tls: certificate("other-n2") });
  n2.join(n1);
  const [refusing, refused] = await Promise.all([
    n1.logger.warnings.until(),
    n2.logger.warnings.until(),
  ]);
  expect(refusing).toMatch(/TLS failed: the certificate is not accepted: [A-Z_]+$/);
  expect(refused).toMatch(/before it answered: does it accept this certificate\?$/);
});

test("who shows no certificate is cut off", async () => {
  const n1 = await TestNode.start("n1", { tls: certificate("n1") });
  const { ca } = certificate("client");
  const socket = connectTls({ host: "127.0.0.1", port: n1.port, ca, rejectUnauthorized: false });
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("close", resolve));
  expect(await n1.logger.warnings.until()).toContain("TLS failed");
});

test("a client needs a certificate of the authority, and a member that is who it says", async () => {
  const n1 = await TestNode.start("n1", { tls: certificate("n1") });
  await visit(n1.address, "client");
  await expect(visit(n1.address, "other-n2")).rejects.toMatchObject({
    code: "RAFT_CONNECTION_LOST",
  });
  await expect(visit(n1.address, "client", "other-ca")).rejects.toMatchObject({
    code: "RAFT_CONNECTION_LOST",
  });
  const impostor = await TestNode.start("n2", { tls: certificate("n1") });
  await expect(visit(impostor.address, "client")).rejects.toMatchObject({
    code: "RAFT_WRONG_NODE",
  });
});
