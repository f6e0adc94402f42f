/** What the command line says to arguments that it cannot read: exit code 2, and a sentence that names the option. */

import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { endpoints, peers } from "../../src/cli/arguments.ts";
import { describeFailure, exitCodeOf, UsageError } from "../../src/cli/failures.ts";
import { run } from "../../src/cli/run.ts";
import { PROGRAM, quorate } from "./support.ts";

const MEMBERS = "n1=127.0.0.1:7101,n2=127.0.0.1:7102,n3=127.0.0.1:7103";
const NODE = ["node", "--id", "n1", "--peers", MEMBERS, "--data", "/nonexistent/data"];

const THIS_FILE = fileURLToPath(import.meta.url);
const CA = file("ca.crt");

function file(name: string): string {
  return fileURLToPath(new URL(`../transport/certificates/${name}`, import.meta.url));
}

describe("refused with exit code 2", () => {
  test.each<[string, string[], string]>([
    ["an unknown command", ["fly"], 'there is no command "fly"'],
    ["an unknown option", ["start", "--fast"], "Unknown option '--fast'"],
    ["an operand where there is none", ["status", "n1"], "Unexpected argument 'n1'"],
    ["a node without an id", ["node", "--peers", MEMBERS], "--id is missing"],
    ["a node without peers", ["node", "--id", "n1"], "--peers is missing"],
    [
      "a storage that there is not",
      [...NODE, "--storage", "rocks"],
      '--storage takes level or journal, not "rocks"',
    ],
    [
      "the same of a start",
      ["start", "--storage", "rocks"],
      '--storage takes level or journal, not "rocks"',
    ],
    [
      "the same of a demo",
      ["demo", "--storage", "rocks"],
      '--storage takes level or journal, not "rocks"',
    ],
    ["a node without data", NODE.slice(0, 5), "--data is missing"],
    [
      "an id that is no peer",
      ["node", "--id", "n9", "--peers", MEMBERS],
      '--id "n9" is not among --peers: n1, n2, n3',
    ],
    [
      "an id twice",
      ["node", "--id", "a", "--peers", "a=h:1,a=h:2"],
      '--peers names the id "a" twice',
    ],
    [
      "an address twice",
      ["node", "--id", "a", "--peers", "a=h:1,b=h:1"],
      "--peers names the address h:1 twice",
    ],
    [
      "a peer without an address",
      ["node", "--id", "a", "--peers", "a"],
      '--peers takes id=host:port,..., not "a"',
    ],
    [
      "a peer with a port too high",
      ["node", "--id", "a", "--peers", "a=h:70000"],
      '--peers takes host:port with a port from 1 to 65535, not "h:70000"',
    ],
    ["a peer that nobody could reach", ["node", "--id", "a", "--peers", "a=h:0"], 'not "h:0"'],
    ["an endpoint without a port", ["status", "--endpoints", "a:0"], 'not "a:0"'],
    ["a bad address to listen on", [...NODE, "--listen", "here"], 'not "here"'],
    [
      "only one of the files of TLS",
      [...NODE, "--tls-cert", "a.crt"],
      "--tls-cert without --tls-key and --tls-ca",
    ],
    [
      "a file of TLS that is not there",
      [...NODE, "--tls-cert", "/nonexistent/a", "--tls-key", "b", "--tls-ca", "c"],
      "--tls-cert cannot be read",
    ],
    [
      "a file of TLS that is something else",
      [...NODE, "--tls-cert", file("n1.crt"), "--tls-key", file("n1.key"), "--tls-ca", THIS_FILE],
      "--tls-ca cannot be used: ",
    ],
    [
      "a key in the place of the certificate",
      [...NODE, "--tls-cert", file("n1.key"), "--tls-key", file("n1.key"), "--tls-ca", CA],
      "--tls-cert cannot be used: ",
    ],
    [
      "the key of another certificate",
      ["status", "--tls-cert", file("n1.crt"), "--tls-key", file("n2.key"), "--tls-ca", CA],
      "--tls-cert and --tls-key cannot be used: ",
    ],
    [
      "listening beyond loopback without TLS",
      [...NODE, "--listen", "0.0.0.0:7101"],
      "RAFT_INSECURE: --listen 0.0.0.0:7101 is open to other machines",
    ],
    [
      "an election timeout that is no number",
      [...NODE, "--election-timeout", "soon"],
      '--election-timeout takes a whole number from 1 to 86400000, not "soon"',
    ],
    ["kv without an action", ["kv"], "kv needs one of get, put, delete, cas, range"],
    ["an unknown action", ["kv", "toString"], 'not "toString"'],
    ["a put without a value", ["kv", "put", "k"], "kv put takes KEY VALUE, not 1 operand"],
    ["a get of two keys", ["kv", "get", "a", "b"], "kv get takes KEY, not 2 operands"],
    [
      "an operand too many, which is no call for help",
      ["kv", "put", "--", "k", "-h", "--help"],
      "kv put takes KEY VALUE, not 3 operands",
    ],
    ["an option of another action", ["kv", "get", "k", "--limit", "3"], "does not take --limit"],
    ["a cas without an expectation", ["kv", "cas", "k", "v"], "--expect-index, not 0"],
    [
      "a cas with two expectations",
      ["kv", "cas", "k", "v", "--expect", "a", "--expect-absent"],
      "--expect-index, not 2",
    ],
    [
      "a number that would be rounded",
      ["kv", "put", "k", "9007199254740993", "--number"],
      "--number takes whole numbers up to 2^53 - 1, and 9007199254740993 would be 9007199254740992",
    ],
    [
      "the same with a sign",
      ["kv", "put", "k", "+9007199254740993", "--number"],
      "+9007199254740993 would be 9007199254740992",
    ],
    [
      "the same in hexadecimal",
      ["kv", "put", "k", "0x20000000000001", "--number"],
      "0x20000000000001 would be 9007199254740992",
    ],
    ["a number that is none", ["kv", "put", "k", "x", "--number"], 'a finite number, not "x"'],
    ["a limit out of bounds", ["kv", "range", "--limit", "0"], 'from 1 to 1000, not "0"'],
    ["an endpoint that is none", ["status", "--endpoints", "a:1,b"], 'not "b"'],
    ["an endpoint twice", ["kv", "get", "k", "--endpoints", "a:1,a:1"], "names a:1 twice"],
    ["a timeout of nothing", ["status", "--timeout", "0"], "--timeout takes a whole number from 1"],
    ["a base port too high", ["start", "--base-port", "65534"], 'not "65534"'],
    ["no folder to keep the data in", ["start", "--data", ""], "--data is missing"],
    ["a seed below zero", ["demo", "--seed", "-1"], "use '--seed=-XYZ'"],
    ["a number below zero", ["kv", "put", "k", "-5", "--number"], 'as in \'-- "-5"'],
    ["a demo of no length", ["demo", "--seconds", "0"], "--seconds takes a whole number from 1"],
  ])("%s", async (_, args, sentence) => {
    const refusal: unknown = await run(args).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UsageError);
    expect(describeFailure(refusal)).toContain(sentence);
    expect(exitCodeOf(refusal)).toBe(2);
  });
});

test("a refusal goes to standard error, with a way to the help", async () => {
  expect(await quorate("kv", "put", "k")).toEqual({
    code: 2,
    stdout: "",
    stderr: 'quorate: kv put takes KEY VALUE, not 1 operand\nTry "quorate help kv".\n',
  });
  expect((await quorate("fly")).stderr).toMatch(/\nTry "quorate --help"\.\n$/);
});

test("a command that no member would take is wrong usage too", async () => {
  const { code, stderr } = await quorate("kv", "put", "", "v");
  expect(stderr).toMatch(/^RAFT_INVALID_COMMAND: .*a key is a string that is not empty, not ""\n$/);
  expect(code).toBe(2);
});

test("spaces beside the commas of a list do not count", () => {
  expect(peers("n1=a:1, n2=b:2")).toEqual([
    { id: "n1", address: "a:1" },
    { id: "n2", address: "b:2" },
  ]);
  expect(endpoints("a:1 , b:2")).toEqual(["a:1", "b:2"]);
});

test("--stop-with-parent is refused where no parent could notice", async () => {
  const { code, stderr } = await quorate(...NODE, "--stop-with-parent");
  expect(stderr).toContain("--stop-with-parent needs a parent with an IPC channel");
  expect(code).toBe(2);
});

test("nothing at all is answered with the help, on standard error", async () => {
  const { code, stdout, stderr } = await quorate();
  expect(stderr).toContain("quorate start");
  expect(stdout).toBe("");
  expect(code).toBe(2);
});

test("an election timeout below three heartbeats is refused with its numbers", async () => {
  const { code, stderr } = await quorate(...NODE, "--election-timeout", "100");
  expect(stderr).toMatch(/RAFT_INVALID_OPTION: electionTimeoutMs \(100\).*\(50\)/);
  expect(code).toBe(2);
});

test("each command has a page of help", async () => {
  const pages = ["start", "demo", "node", "status", "kv"];
  for (const page of pages) {
    const { code, stdout } = await quorate(page, "--help");
    expect(stdout).toMatch(new RegExp(`^quorate ${page}`));
    expect(code).toBe(0);
  }
  expect(await quorate("help", "kv")).toEqual(await quorate("kv", "--help"));
  const { stdout } = await quorate("--help");
  for (const page of pages) expect(stdout).toContain(`quorate ${page}`);
});

test("what cannot be printed is a failure: nobody has seen it", ({ skip }) => {
  skip(!existsSync("/dev/full"), "there is no device here that is always full");
  const full = openSync("/dev/full", "w");
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM, "--version"], {
    stdio: ["ignore", full, "pipe"],
    encoding: "utf8",
  });
  closeSync(full);
  expect(stderr).toMatch(/^standard output cannot be written: .*ENOSPC/);
  expect(status).toBe(1);
});

test("--version prints the package's version", async () => {
  expect((await quorate("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
