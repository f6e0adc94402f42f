/** `quorate node`: a member, and who reads its log. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { freePorts, PROGRAM, quorate, temporaryFolder, TIMING } from "./support.ts";

test("a member goes on when nobody reads its log any more", async () => {
  const port = await freePorts();
  const at = `127.0.0.1:${port}`;
  const data = ["--data", await temporaryFolder()];
  const child = spawn(
    process.execPath,
    [PROGRAM, "node", "--id", "n1", "--peers", `n1=${at}`, ...data, ...TIMING],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  await once(child.stderr, "data");
  child.stderr.destroy();

  // Of this there is something to say in the log.
  const stranger = connect(port, "127.0.0.1");
  stranger.end("is anybody there?");
  await once(stranger, "close");
  expect(await quorate("kv", "put", "k", "v", "--endpoints", at)).toMatchObject({ code: 0 });
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});
