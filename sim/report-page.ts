/** The page around the picture: its words and its looks. */

import { REPORT_SCRIPT } from "./report-script.ts";
import type { ReportData } from "./report.ts";

export function reportPage(data: ReportData): string {
  const { title, violation, story, command } = data;
  // Text in a script ends where a tag does.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const verdict =
    violation === undefined
      ? `<p class="verdict good"><b>All properties held.</b></p>`
      : `<p class="verdict bad"><b>${escaped(violation.property)}</b> is violated at ${(violation.timeUs / 1000).toFixed(3)} ms, event ${violation.step}: ${escaped(violation.text)}</p>`;
  const told =
    story === ""
      ? ""
      : `<details open><summary>The story</summary><pre>${escaped(story)}</pre></details>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
${verdict}
</header>
<nav>
<button id="zoom-in" title="closer, or turn the wheel" aria-label="closer">+</button><button id="zoom-out" title="farther" aria-label="farther">−</button>
<button id="all">whole run</button><button id="end">${violation === undefined ? "the end" : "the violation"}</button>
<label title="leaves out time in which nothing happens but heartbeats"><input type="checkbox" id="squeeze"> squeeze quiet time</label>
<label><input type="checkbox" id="heartbeats"> heartbeats</label>
<label${violation === undefined ? " hidden" : ""}><input type="checkbox" id="past"> only what can have led to it</label>
<span id="range"></span>
<span class="legend">
<span><i style="--c:#7c3aed"></i>votes</span> <span><i style="--c:#1d6fd8"></i>entries</span> <span><i style="--c:#0f8a7e"></i>snapshots</span>
<span><i style="--c:#9aa4b2"></i>heartbeats</span> <span><i class="answer"></i>answers</span> <span><b class="crash">×</b>lost</span>
<span><b class="commit">▲</b>commit</span> <span><b class="append">■</b>append</span> <span><b class="crash">✖</b>crash</span>
<span><s class="leader"></s>leader</span> <span><s class="candidate"></s>candidate</span> <span><s class="follower"></s>follower, each term its colour</span>
<span><s style="--c:#4fae74"></s>call applied</span> <span><s style="--c:#8492a6"></s>rejected</span> <span><s style="--c:#e0a416"></s>unknown</span>
</span>
</nav>
<svg id="overview" role="img" aria-label="the whole run"></svg>
<svg id="picture" role="img" aria-label="nodes as lanes, messages as arrows"></svg>
<div id="tip" role="tooltip" hidden></div>
<footer>
<p>Turn the wheel to zoom, drag to move, double-click for the whole run; hover over anything. The strip above is the whole run: click to go there.</p>
${told}
<p>Replay: <code>${escaped(command)}</code></p>
</footer>
<script type="application/json" id="data">${json}</script>
<script>${REPORT_SCRIPT}</script>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const STYLE = `
:root { font: 14px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); color-scheme: light dark;
  --paper: #fff; --ink: #1c2430; --dim: #5b6675; --soft: #f6f8fa; --hover: #e9edf2; --line: #dde2e9; --grid: #eef1f5; --edge: #c5ccd6;
  --green: #17803d; --red: #d11f2f; --slate: #44506a; --good: #ecf8f0; --bad: #fdecec; --cut: #fbe3c8; --cut-line: #f3c48f; --slow: #f3e9f7; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14181e; --ink: #e4e9f0; --dim: #a0abb9; --soft: #1e242d; --hover: #2a323d; --line: #343d49; --grid: #242b35; --edge: #55606e;
  --green: #43b96b; --red: #f0616c; --slate: #b4c0d2; --good: #15301f; --bad: #411a1e; --cut: #46331f; --cut-line: #76542a; --slow: #322744; } }
body { margin: 0; padding: 14px 20px 30px; }
h1 { font-size: 18px; margin: 0 0 6px; font-weight: 600; }
.verdict { margin: 0 0 10px; padding: 8px 12px; border-radius: 6px; border-left: 5px solid; }
.good { background: var(--good); border-color: #1a9850; }
.bad { background: var(--bad); border-color: var(--red); }
nav { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; margin-bottom: 8px; }
button { font: inherit; padding: 2px 10px; border: 1px solid var(--edge); border-radius: 5px; color: inherit; background: var(--soft); cursor: pointer; }
button:hover { background: var(--hover); }
#range { color: var(--dim); font-variant-numeric: tabular-nums; }
.legend { color: var(--dim); font-size: 12px; margin-left: auto; }
.legend span { white-space: nowrap; margin-right: 7px; }
.legend i { display: inline-block; width: 16px; margin-right: 3px; border-top: 2px solid var(--c); vertical-align: middle; }
.legend i.answer { border-top: 2px dashed var(--dim); }
.legend b { margin-right: 2px; } .commit { color: var(--green); } .append { color: var(--slate); } .crash { color: var(--red); }
.legend s { display: inline-block; width: 18px; height: 8px; margin-right: 3px; vertical-align: middle; border-radius: 2px; background: var(--c, #3f7fd6); }
s.leader { height: 12px; } s.candidate { background: repeating-linear-gradient(135deg, #3f7fd6 0 3px, var(--paper) 3px 5px); } s.follower { height: 4px; opacity: .5; }
svg { display: block; width: 100%; user-select: none; }
#overview { height: 54px; margin-bottom: 6px; cursor: pointer; background: var(--soft); border-radius: 5px; }
#picture { cursor: grab; border: 1px solid var(--line); border-radius: 5px; touch-action: none; }
#picture.dragging { cursor: grabbing; }
text { font: 12px system-ui, sans-serif; fill: var(--ink); pointer-events: none; }
text.name { font-weight: 600; font-size: 14px; } text.dim { fill: var(--dim); font-size: 11px; } text.axis { fill: var(--dim); font-size: 11px; font-variant-numeric: tabular-nums; }
.msg { fill: none; stroke-width: 1.3; } .hit { fill: none; stroke: transparent; stroke-width: 9; }
.hit:hover + .msg, .msg.on { stroke-width: 3; }
#tip { position: fixed; z-index: 2; max-width: 420px; padding: 7px 10px; border: 1px solid #55606e; border-radius: 6px; background: #1c2430; color: #fff; font-size: 12.5px; white-space: pre-line; pointer-events: none; box-shadow: 0 3px 12px #0004; }
footer { margin-top: 10px; color: var(--dim); } footer p { margin: 4px 0; } summary { cursor: pointer; font-weight: 600; color: var(--ink); }
pre { margin: 6px 0 10px; padding: 10px 14px; background: var(--soft); border-radius: 6px; color: var(--ink); overflow: auto; }
code { background: var(--soft); padding: 1px 5px; border-radius: 4px; color: var(--ink); }
`;
