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
<button id="zoom-in" title="or turn the wheel">+</button><button id="zoom-out">−</button>
<button id="all">whole run</button><button id="end">${violation === undefined ? "the end" : "the violation"}</button>
<label title="leaves out time in which nothing happens but heartbeats"><input type="checkbox" id="squeeze"> squeeze quiet time</label>
<label><input type="checkbox" id="heartbeats"> heartbeats</label>
<label${violation === undefined ? " hidden" : ""}><input type="checkbox" id="past"> only what can have led to it</label>
<span id="range"></span>
<span class="legend">
<i style="--c:#7c3aed"></i>votes <i style="--c:#1d6fd8"></i>entries <i style="--c:#0f8a7e"></i>snapshots <i style="--c:#9aa4b2"></i>heartbeats
<i class="lost">×</i>lost <b class="commit">▲</b>commit <b class="append">■</b>append <b class="crash">✖</b>crash
<s class="leader"></s>leader <s class="candidate"></s>candidate <s class="follower"></s>follower, each term its colour
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
:root { font: 14px/1.45 system-ui, sans-serif; color: #1c2430; background: #fff; }
body { margin: 0; padding: 14px 20px 30px; }
h1 { font-size: 18px; margin: 0 0 6px; font-weight: 600; }
.verdict { margin: 0 0 10px; padding: 8px 12px; border-radius: 6px; border-left: 5px solid; }
.good { background: #ecf8f0; border-color: #1a9850; }
.bad { background: #fdecec; border-color: #d11f2f; }
nav { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; margin-bottom: 8px; }
button { font: inherit; padding: 2px 10px; border: 1px solid #c5ccd6; border-radius: 5px; background: #f6f8fa; cursor: pointer; }
button:hover { background: #e9edf2; }
#range { color: #5b6675; font-variant-numeric: tabular-nums; }
.legend { color: #5b6675; font-size: 12px; margin-left: auto; }
.legend i { display: inline-block; width: 16px; border-top: 2px solid var(--c); vertical-align: middle; margin-left: 8px; }
.legend i.lost { border: 0; color: #d11f2f; font-style: normal; font-weight: 700; width: auto; vertical-align: baseline; }
.legend b { margin-left: 8px; } .commit { color: #17803d; } .append { color: #44506a; } .crash { color: #d11f2f; }
.legend s { display: inline-block; width: 18px; margin-left: 8px; margin-right: 3px; vertical-align: middle; border-radius: 2px; text-decoration: none; background: #3f7fd6; }
s.leader { height: 12px; } s.candidate { height: 8px; background: repeating-linear-gradient(135deg, #3f7fd6 0 3px, #fff 3px 5px); } s.follower { height: 4px; opacity: .5; }
svg { display: block; width: 100%; user-select: none; }
#overview { height: 54px; margin-bottom: 6px; cursor: pointer; background: #f6f8fa; border-radius: 5px; }
#picture { cursor: grab; border: 1px solid #dde2e9; border-radius: 5px; touch-action: none; }
#picture.dragging { cursor: grabbing; }
text { font: 12px system-ui, sans-serif; fill: #1c2430; pointer-events: none; }
text.name { font-weight: 600; font-size: 14px; } text.dim { fill: #5b6675; font-size: 11px; } text.axis { fill: #5b6675; font-size: 11px; font-variant-numeric: tabular-nums; }
.msg { fill: none; stroke-width: 1.3; } .hit { fill: none; stroke: transparent; stroke-width: 9; }
.hit:hover + .msg, .msg.on { stroke-width: 3; }
#tip { position: fixed; z-index: 2; max-width: 420px; padding: 7px 10px; border-radius: 6px; background: #1c2430; color: #fff; font-size: 12.5px; white-space: pre-line; pointer-events: none; box-shadow: 0 3px 12px #0004; }
footer { margin-top: 10px; color: #5b6675; } footer p { margin: 4px 0; } summary { cursor: pointer; font-weight: 600; color: #1c2430; }
pre { margin: 6px 0 10px; padding: 10px 14px; background: #f6f8fa; border-radius: 6px; color: #1c2430; overflow: auto; }
code { background: #f6f8fa; padding: 1px 5px; border-radius: 4px; color: #1c2430; }
`;
