/**
 * The page of a run, in a real browser: it draws without an error and without the network, tells what is under the
 * pointer, and zooms. Needs Chromium (Debian: `apt-get install chromium`, or its path in `CHROMIUM`); skipped without.
 */

import { accessSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generate } from "../../sim/generate.ts";
import { reportHtml } from "../../sim/report.ts";
import { runSchedule } from "../../sim/simulation.ts";
import type { Outcome } from "../../sim/simulation.ts";
import type { TraceEvent } from "../../sim/trace.ts";

const executablePath = [
  process.env["CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== undefined && exists(path));

const WHY_NOT =
  "there is no Chromium here: apt-get install chromium, or say where it is in CHROMIUM";

describe("the page of a run", () => {
  let folder: string;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  const requests: string[] = [];

  beforeAll(async () => {
    if (executablePath === undefined) return;
    folder = await mkdtemp(join(tmpdir(), "quorate-report-"));
    const file = join(folder, "run.html");
    await writeFile(file, await violatedRun());
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(pathToFileURL(file).href);
  });

  afterAll(async () => {
    if (executablePath === undefined) return;
    await browser.close();
    await rm(folder, { recursive: true });
  });

  test("shows the failed check, each node and its story, and asks the network for nothing", async ({
    skip,
  }) => {
    skip(executablePath === undefined, WHY_NOT);
    expect(await page.title()).toContain("seed 6");
    expect(await page.locator(".verdict").textContent()).toContain("n2 <b>leads</b> without entry");
    expect(await page.locator("#picture text.name").allTextContents()).toEqual(["n1", "n2", "n3"]);
    expect(await page.locator("#picture .violation").count()).toBe(2);
    expect(await page.locator("pre").textContent()).toContain("S7 is violated");
    expect(requests).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  test("opens with all that happened in view, the quiet time left out, and is dark where that is liked", async ({
    skip,
  }) => {
    skip(executablePath === undefined, WHY_NOT);
    expect(await page.locator("#squeeze").isChecked()).toBe(true);
    expect(await page.locator("#range").textContent()).toMatch(/^0\.0 to 89\d\.\d ms$/);
    const paper = (): Promise<string> =>
      page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    const light = await paper();
    await page.emulateMedia({ colorScheme: "dark" });
    expect([light, await paper()]).toEqual(["rgb(255, 255, 255)", "rgb(20, 24, 30)"]);
    await page.emulateMedia({ colorScheme: "light" });
  });

  test("tells of a message, a node's state, a fault and a commit under the pointer", async ({
    skip,
  }) => {
    skip(executablePath === undefined, WHY_NOT);
    const { tips, last } = await hoverOver(page, ".hit");
    expect(tips).toMatch(/n\d → n\d\nterm \d+, .*\nsent [\d.]+ ms/);
    expect(last).toBe(true);
    expect((await hoverOver(page, "rect[data-node]")).tips).toMatch(
      /leader in term|follower in term/,
    );
    expect((await hoverOver(page, ".fault")).tips).toMatch(/n1 is cut off/);
    expect((await hoverOver(page, ".mark.commit")).tips).toMatch(/n\d commits up to \d+/);
    expect((await hoverOver(page, ".operation")).tips).toMatch(/c\d: [\w-]+ .*\nc\d's/);
    expect(errors).toEqual([]);
  });

  test("tells of a member that is up again what it has found on its disk, and no more", async ({
    skip,
  }) => {
    skip(executablePath === undefined, WHY_NOT);
    const restarted = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await restarted.setContent(restartedRun());
    const { tips } = await hoverOver(restarted, "rect[data-node]");
    expect(tips).toMatch(
      /^n1 at .*\nfollower in term 3\nlast entry 4, durable 4, committed 0, applied 0$/,
    );
    await restarted.close();
  });

  test("zooms by the wheel, moves by dragging, and shows the whole run again", async ({ skip }) => {
    skip(executablePath === undefined, WHY_NOT);
    const range = (): Promise<string | null> => page.locator("#range").textContent();
    await page.locator("#squeeze").uncheck();
    await page.locator("#all").click();
    const whole = await range();
    const box = await page.locator("#picture").boundingBox();
    if (box === null) throw new Error("there is no picture");
    await page.mouse.move(box.x + box.width / 2, box.y + 20);
    await page.mouse.wheel(0, -300);
    const near = await range();
    expect(near).not.toBe(whole);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 + 200, box.y + 20);
    await page.mouse.up();
    expect(await range()).not.toBe(near);
    await page.locator("#picture").dblclick({ position: { x: 700, y: 20 } });
    expect(await range()).toBe(whole);
    expect(errors).toEqual([]);
  });
});

/** What the page says with the pointer on the middle of one of these, and that it ends with saying nothing. */
async function hoverOver(
  page: Page,
  selector: string,
): Promise<{ readonly tips: string | null; readonly last: boolean }> {
  const points = await page.locator(`#picture ${selector}`).evaluateAll((elements) =>
    elements.slice(0, 40).map((element) => {
      const { left, top, width, height } = element.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    }),
  );
  for (const { x, y } of points) {
    // Others may lie on top of it.
    const isOnTop = await page.evaluate<boolean>(
      `document.elementFromPoint(${x}, ${y})?.matches(${JSON.stringify(selector)}) === true`,
    );
    if (!isOnTop) continue;
    await page.mouse.move(x, y);
    const tips = await page.locator("#tip").textContent();
    await page.mouse.move(5, 5);
    return { tips, last: await page.locator("#tip").isHidden() };
  }
  throw new Error(`nothing of ${selector} can be pointed at`);
}

/** A run of the real thing, with a lie about its end. */
async function violatedRun(): Promise<string> {
  const events: TraceEvent[] = [];
  const schedule = {
    ...generate(6, { profile: "calm", nodes: 3, durationMs: 900 }),
    liveness: false,
    faults: [
      {
        id: 0,
        when: { type: "at", atMs: 500 },
        action: { type: "isolate", target: 0, direction: "both", clients: false, forMs: 200 },
      },
    ] as const,
  };
  const outcome = await runSchedule(schedule, { onEvent: (event) => events.push(event) });
  const violation = {
    property: "S7",
    text: "n2 <b>leads</b> without entry 1.1 </script>",
    node: 1,
    step: outcome.events,
    timeUs: 890_000,
  };
  return reportHtml({ ...outcome, violation }, events, {
    name: "seed 6",
    command: "npm run sim -- --seed 6",
  });
}

/** Events that never were: of a member that loses an entry, and the term that it stood for, to a crash. */
function restartedRun(): string {
  const schedule = generate(6, { profile: "calm", nodes: 1, durationMs: 900 });
  const bodies = [
    { type: "start", node: 0, incarnation: 1 },
    { type: "durable", node: 0, term: 3, lastIndex: 4 },
    { type: "role", node: 0, role: "leader", term: 4, votedFor: "n1" },
    {
      type: "append",
      node: 0,
      first: { index: 1, term: 4 },
      last: { index: 5, term: 4 },
      lastIndex: 5,
    },
    { type: "commit", node: 0, index: 4, term: 4 },
    { type: "apply", node: 0, index: 4 },
    { type: "crash", node: 0, lostBatches: 1 },
    { type: "start", node: 0, incarnation: 2 },
  ] as const;
  const events = bodies.map((body, at) => ({ ...body, step: at, timeUs: at }));
  const counts = { faults: {}, lost: {}, messages: 0, operations: 0, committed: 0 };
  const outcome = {
    schedule,
    violation: undefined,
    simulatedMs: 900,
    hash: "",
    events: events.length,
    history: [],
    counts: { ...counts, states: {} as Outcome["counts"]["states"] },
  };
  return reportHtml(outcome, events, { name: "seed 6", command: "npm run sim -- --seed 6" });
}

function exists(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}
