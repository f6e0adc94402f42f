/** The processes of the benchmark, as their parent sees them. */

import { expect, test } from "vitest";
import { Child } from "../../bench/child.ts";

test("a process that cannot begin is told by what it says of that", async () => {
  const said = JSON.stringify({ type: "error", message: "no member of etcd leads" });
  const script = `console.log(${JSON.stringify(said)}); process.exitCode = 1;`;
  await expect(Child.start(process.execPath, ["-e", script])).rejects.toThrow(
    /^no member of etcd leads$/,
  );
  await expect(Child.start(process.execPath, ["-e", "0"])).rejects.toThrow(/has ended$/);
});
