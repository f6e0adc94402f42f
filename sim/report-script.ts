/**
 * The script of the page, as it stands in it: plain JavaScript, no library. Draws the part of the run that is in view, as
 * SVG, and draws it anew whenever the view changes.
 */

// No backtick and no dollar with a brace in here: it is one template.
export const REPORT_SCRIPT: string = String.raw`
"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const picture = by("picture"), overview = by("overview"), tip = by("tip");
const TERMS = ["#8492a6", "#2f6fd0", "#e07b16", "#1c9a6c", "#b23fb0", "#c7a008", "#17a2b8", "#d6567f", "#6b5bd2"];
const KINDS = { PreVote: "#b79af0", PreVoteResponse: "#b79af0", RequestVote: "#7c3aed", RequestVoteResponse: "#7c3aed", TimeoutNow: "#7c3aed",
  AppendEntries: "#1d6fd8", AppendEntriesResponse: "#6ba3ea", Heartbeat: "#9aa4b2", HeartbeatResponse: "#c3cad4",
  InstallSnapshot: "#0f8a7e", InstallSnapshotResponse: "#5cbcb2", SnapshotChunk: "#0f8a7e", SnapshotChunkResponse: "#5cbcb2" };
const LEFT = 58, RIGHT = 18, TOP = 30, LANE = 96, MAX_ARROWS = 2500;
const count = data.nodes.length;
const color = (term) => term === 0 ? TERMS[0] : TERMS[1 + (term - 1) % (TERMS.length - 1)];
const isHeartbeat = (type) => type.startsWith("Heartbeat");
const ms = (us) => (us / 1000).toFixed(us % 1000 === 0 ? 0 : 3) + " ms";
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

// The time axis: true, or with quiet spans cut down to a little. It is linear from each knot to the next.
const QUIET = 4000;
const knots = [...new Set([0, data.endUs, ...data.spans.flatMap((s) => [s.fromUs, s.toUs]), ...data.faults.flatMap((f) => [f.fromUs, f.toUs]), ...data.operations.flatMap((o) => [o.fromUs, o.toUs]),
  ...data.messages.filter((m) => !isHeartbeat(m[4])).flatMap((m) => [m[2], m[3]]), ...data.marks.filter((m) => m[2] !== "durable" && m[2] !== "apply").map((m) => m[1])])].sort((a, b) => a - b);
let axisAt = [];
function setAxis(isSqueezed) {
  axisAt = [0];
  for (let n = 1; n < knots.length; n += 1) axisAt.push(axisAt[n - 1] + (isSqueezed ? Math.min(QUIET, knots[n] - knots[n - 1]) : knots[n] - knots[n - 1]));
}
function between(value, from, to) {
  let low = 0, high = from.length - 1;
  while (low < high - 1) { const middle = (low + high) >> 1; if (from[middle] <= value) low = middle; else high = middle; }
  if (value >= from[high]) return to[high] + value - from[high];
  return to[low] + (value - from[low]) * (to[high] - to[low]) / (from[high] - from[low]);
}
const onAxis = (us) => between(us, knots, axisAt);
const timeOf = (place) => between(place, axisAt, knots);

// The view, in microseconds on the axis.
const focusUs = data.violation ? data.violation.timeUs : data.endUs;
const isShort = data.endUs < 1500000;
by("squeeze").checked = data.violation !== undefined;
let whole, focus, view, width = 0;
const near = () => { if (whole.to < 600000) return whole; const to = Math.min(whole.to, focus + 36000); return { from: to - 600000, to }; };
function start() {
  setAxis(by("squeeze").checked);
  whole = { from: 0, to: onAxis(data.endUs) * 1.02 };
  focus = onAxis(focusUs);
  view = isShort ? whole : data.violation ? near() : { from: 0, to: Math.min(whole.to, 1500000) };
}
start();
const scale = (place) => LEFT + (place - view.from) / (view.to - view.from) * (width - LEFT - RIGHT);
const x = (us) => scale(onAxis(us));
const at = (px) => view.from + (px - LEFT) / (width - LEFT - RIGHT) * (view.to - view.from);
const inView = (from, to) => onAxis(to) >= view.from && onAxis(from) <= view.to;

// Faults get rows of their own above the lanes, clients below them, each as few rows as go without overlap.
function rowsOf(items) {
  const ends = [];
  for (const item of items) {
    let row = ends.findIndex((end) => end <= item.fromUs);
    if (row < 0) row = ends.push(0) - 1;
    ends[row] = Math.max(item.toUs, item.fromUs + data.endUs / 4000) + 1;
    item.row = row;
  }
  return ends.length;
}
const lasting = data.faults.filter((fault) => fault.toUs > fault.fromUs);
const faultRows = Math.min(6, rowsOf(data.faults));
const operationRows = Math.min(8, rowsOf(data.operations));
const lanesTop = TOP + faultRows * 17 + 26;
const laneY = (node) => lanesTop + 30 + node * LANE;
const clientsTop = lanesTop + count * LANE - 14;
const height = clientsTop + operationRows * 11 + 30;
const tips = [];
const tipped = (text) => ' data-tip="' + (tips.push(text) - 1) + '"';

function draw() {
  width = picture.clientWidth;
  picture.setAttribute("viewBox", "0 0 " + width + " " + height);
  picture.style.height = height + "px";
  tips.length = 0;
  const out = [DEFS, axis()];
  faults(out);
  lanes(out);
  messages(out);
  marks(out);
  operations(out);
  end(out);
  out.push('<rect x="0" y="24" width="' + (LEFT - 8) + '" height="' + height + '" fill="var(--paper)"/>');
  data.nodes.forEach((name, node) => out.push('<text class="name" x="14" y="' + (laneY(node) + 5) + '">' + name + "</text>"));
  if (faultRows > 0) out.push('<text class="dim" x="12" y="' + (TOP + 17) + '">faults</text>');
  if (operationRows > 0) out.push('<text class="dim" x="12" y="' + (clientsTop + 14) + '">clients</text>');
  picture.innerHTML = out.join("");
  by("range").textContent = (timeOf(view.from) / 1000).toFixed(1) + " to " + (timeOf(view.to) / 1000).toFixed(1) + " ms" + hidden;
  drawOverview();
}

const DEFS = "<defs>" + [...new Set(Object.values(KINDS))].map((c) =>
  '<marker id="a' + c.slice(1) + '" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="6" markerHeight="6" markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0.8 8,4 0,7.2z" fill="' + c + '"/></marker>').join("") +
  '<pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="3" height="6" fill="var(--paper)" opacity=".65"/></pattern>' +
  '<pattern id="cutoff" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="8" height="8" fill="var(--cut)"/><rect width="2" height="8" fill="var(--cut-line)"/></pattern></defs>';

function axis() {
  const least = (view.to - view.from) / Math.max(4, width / 110);
  const step = [1, 2, 5].flatMap((d) => [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].map((e) => d * e)).sort((a, b) => a - b).find((s) => s >= least) || 1e8;
  const digits = by("squeeze").checked ? 1 : step < 1000 ? 2 : 0;
  let out = "";
  for (let place = Math.ceil(view.from / step) * step; place <= view.to; place += step) {
    const px = scale(place);
    out += '<path d="M' + px + "," + (TOP - 6) + "V" + height + '" stroke="var(--grid)"/>';
    if (px < width - 24) out += '<text class="axis" text-anchor="middle" x="' + px + '" y="16">' + (timeOf(place) / 1000).toFixed(digits) + " ms</text>";
  }
  return out;
}

function faults(out) {
  for (const fault of lasting) {
    if (!inView(fault.fromUs, fault.toUs) || fault.type === "crash" || fault.type === "crash-many") continue;
    const left = Math.max(LEFT - 8, x(fault.fromUs)), right = Math.min(width, x(fault.toUs));
    const isCut = ["isolate", "partition", "cut", "bridge", "ring", "flapping", "clog", "swizzle"].includes(fault.type);
    for (const node of fault.nodes) out.push('<rect x="' + left + '" y="' + (laneY(node) - 32) + '" width="' + Math.max(1, right - left) + '" height="64" fill="' + (isCut ? "url(#cutoff)" : "var(--slow)") + '" opacity=".75"' + tipped(fault.text + "\n" + ms(fault.fromUs) + " to " + ms(fault.toUs)) + "/>");
  }
  for (const fault of data.faults) {
    if (fault.row >= faultRows || !inView(fault.fromUs, fault.toUs)) continue;
    const left = Math.max(LEFT - 8, x(fault.fromUs)), wide = Math.max(4, x(fault.toUs) - left), y = TOP + 5 + fault.row * 17;
    const label = wide > fault.text.length * 6 ? fault.text : wide > fault.type.length * 6.4 ? fault.type : "";
    out.push('<rect class="fault" x="' + left + '" y="' + y + '" width="' + wide + '" height="14" rx="3" fill="#f0a04b" opacity=".9"' + tipped(fault.text + "\n" + ms(fault.fromUs) + (fault.toUs > fault.fromUs ? " to " + ms(fault.toUs) : "")) + "/>" +
      (label ? '<text x="' + (left + 5) + '" y="' + (y + 11) + '" style="font-size:11px;fill:#1c2430">' + escape(label) + "</text>" : ""));
  }
}

function lanes(out) {
  for (let node = 0; node < count; node += 1) out.push('<path d="M' + LEFT + "," + laneY(node) + "H" + width + '" stroke="var(--edge)" stroke-dasharray="2 5"/>');
  for (const span of data.spans) {
    if (!inView(span.fromUs, span.toUs)) continue;
    const left = Math.max(LEFT - 8, x(span.fromUs)), right = Math.min(width, x(span.toUs)), y = laneY(span.node);
    const tall = span.role === "leader" ? 22 : span.role === "follower" ? 6 : 14;
    const box = 'x="' + left + '" y="' + (y - tall / 2) + '" width="' + Math.max(1.5, right - left) + '" height="' + tall + '" rx="2"';
    out.push("<rect " + box + ' fill="' + color(span.term) + '" opacity="' + (span.role === "follower" ? 0.55 : span.role === "pre-candidate" ? 0.7 : 1) + '" data-node="' + span.node + '"/>');
    if (span.role.endsWith("candidate")) out.push("<rect " + box + ' fill="url(#stripes)" pointer-events="none"/>');
    if (span.role === "leader" && right - left > 90) out.push('<text x="' + (left + 8) + '" y="' + (y + 4) + '" style="fill:#fff;font-weight:600">leads term ' + span.term + "</text>");
  }
}

let hidden = "";
function messages(out) {
  const onlyPast = by("past").checked, heartbeats = by("heartbeats").checked;
  let shown = data.messages.filter((m) => inView(m[2], m[3] || m[2]) && (!onlyPast || m[7] === 1) && (heartbeats || !isHeartbeat(m[4])));
  hidden = shown.length > MAX_ARROWS ? ": " + shown.length + " messages, zoom in to see them" : "";
  if (hidden !== "") shown = [];
  for (const [from, to, sent, ended, type, text, lost, past] of shown) {
    const down = to > from ? 1 : -1, y1 = laneY(from) + down * 4;
    const full = ended === 0 ? data.endUs : ended;
    const part = lost ? 0.42 : 1;
    const x1 = x(sent), x2 = lost ? x1 + Math.max(3, Math.min(x(full) - x1, 18)) : x(full);
    const y2 = y1 + (laneY(to) - down * 4 - y1) * part;
    const c = KINDS[type] || "#555";
    const faint = data.violation && past === 0 ? 0.38 : 1;
    const d = 'd="M' + x1.toFixed(1) + "," + y1 + "L" + x2.toFixed(1) + "," + y2.toFixed(1) + '"';
    const said = type + " " + data.nodes[from] + " → " + data.nodes[to] + "\n" + text + "\nsent " + ms(sent) + (lost ? ", lost: " + lost : ended === 0 ? ", under way at the end" : ", arrived " + ms(ended));
    out.push('<path class="hit" ' + d + tipped(said) + '/><path class="msg" pointer-events="none" ' + d + ' stroke="' + c + '" opacity="' + faint + '"' + (type.endsWith("Response") ? ' stroke-dasharray="5 3"' : "") + (lost || ended === 0 ? "" : ' marker-end="url(#a' + c.slice(1) + ')"') + "/>");
    if (lost) out.push('<text text-anchor="middle" x="' + x2 + '" y="' + (y2 + 5) + '" style="fill:#d11f2f;font-weight:700;font-size:14px">×</text>');
  }
}

const SHAPES = {
  crash: (px, y) => '<path d="M' + (px - 8) + "," + (y - 8) + "l16,16m0,-16l-16,16" + '" stroke="#d11f2f" stroke-width="4" stroke-linecap="round"',
  stop: (px, y) => '<rect x="' + (px - 6) + '" y="' + (y - 6) + '" width="12" height="12" fill="#d11f2f"',
  start: (px, y) => '<path d="M' + (px - 4) + "," + (y - 8) + "l12,8l-12,8z" + '" fill="var(--green)"',
  commit: (px, y) => '<path d="M' + px + "," + (y - 24) + 'l5,9h-10z" fill="var(--green)"',
  append: (px, y) => '<rect x="' + (px - 3.5) + '" y="' + (y + 14) + '" width="7" height="7" fill="var(--slate)"',
  truncate: (px, y) => '<path d="M' + (px - 4) + "," + (y + 14) + "l8,8m0,-8l-8,8" + '" stroke="#c2570c" stroke-width="2.5"',
  snapshot: (px, y) => '<circle cx="' + px + '" cy="' + (y + 18) + '" r="5" fill="#0f8a7e"',
};
function marks(out) {
  const labels = new Map();
  for (const [node, time, type, text, value] of data.marks) {
    const shape = SHAPES[type];
    if (shape === undefined || !inView(time, time)) continue;
    const px = x(time), y = laneY(node);
    out.push(shape(px, y) + ' class="mark ' + type + '"' + tipped(data.nodes[node] + " " + text + "\n" + ms(time)) + "/>");
    if (type !== "commit" && type !== "append") continue;
    const key = node + type, label = labels.get(key);
    // Its number stands where the next one of its kind leaves room.
    if (label !== undefined && px - label.px > 34) out.push(label.text);
    labels.set(key, { px, text: '<text class="dim" x="' + (px + 6) + '" y="' + (type === "commit" ? y - 16 : y + 22) + '">' + value + "</text>" });
  }
  for (const { text } of labels.values()) out.push(text);
}

const OUTCOMES = { ok: "#4fae74", rejected: "#8492a6", unknown: "#e0a416", open: "#c5ccd6" };
function operations(out) {
  for (const one of data.operations) {
    if (one.row >= operationRows || !inView(one.fromUs, one.toUs)) continue;
    const left = Math.max(LEFT - 8, x(one.fromUs));
    out.push('<rect class="operation" x="' + left + '" y="' + (clientsTop + 6 + one.row * 11) + '" width="' + Math.max(3, x(one.toUs) - left) + '" height="9" rx="2" fill="' + (OUTCOMES[one.outcome] || "#555") + '"' + tipped(one.text + "\n" + ms(one.fromUs) + " to " + ms(one.toUs)) + "/>");
  }
}

function end(out) {
  if (data.calmUs !== undefined && inView(data.calmUs, data.calmUs)) out.push('<path d="M' + x(data.calmUs) + ",20V" + height + '" stroke="var(--green)" stroke-dasharray="6 4"/><text x="' + (x(data.calmUs) + 5) + '" y="' + (height - 8) + '" style="fill:var(--green)">all is healed</text>');
  if (!data.violation) return;
  const { timeUs, property, text, node } = data.violation, px = x(timeUs);
  if (px < LEFT - 10 || px > width + 10) return;
  const isRight = px > width / 2;
  out.push('<path d="M' + px + ",20V" + height + '" stroke="#d11f2f" stroke-width="2"/>');
  if (node !== undefined) out.push('<circle class="violation" cx="' + px + '" cy="' + laneY(node) + '" r="17" fill="none" stroke="#d11f2f" stroke-width="3.5"/>');
  const label = property + " violated";
  out.push('<rect class="violation" x="' + (isRight ? px - 96 : px) + '" y="18" width="96" height="20" rx="3" fill="#d11f2f"' + tipped(property + "\n" + text + "\n" + ms(timeUs)) + '/><text x="' + (isRight ? px - 48 : px + 48) + '" y="32" text-anchor="middle" style="fill:#fff;font-weight:600">' + label + "</text>");
}

function drawOverview() {
  const wide = overview.clientWidth, lane = 44 / count, op = (place) => LEFT + place / whole.to * (wide - LEFT - RIGHT), ox = (us) => op(onAxis(us));
  overview.setAttribute("viewBox", "0 0 " + wide + " 54");
  const out = [];
  for (const fault of lasting) for (const node of fault.nodes) out.push('<rect x="' + ox(fault.fromUs) + '" y="' + (5 + node * lane) + '" width="' + (ox(fault.toUs) - ox(fault.fromUs)) + '" height="' + (lane - 1) + '" fill="var(--cut)"/>');
  for (const span of data.spans) {
    const tall = (lane - 2) * (span.role === "leader" ? 0.95 : span.role === "follower" ? 0.25 : 0.6);
    out.push('<rect x="' + ox(span.fromUs) + '" y="' + (5 + (span.node + 0.5) * lane - tall / 2) + '" width="' + Math.max(0.7, ox(span.toUs) - ox(span.fromUs)) + '" height="' + tall + '" fill="' + color(span.term) + '" opacity="' + (span.role === "follower" ? 0.5 : 1) + '"/>');
  }
  for (const [node, time, type] of data.marks) if (type === "crash") out.push('<rect x="' + (ox(time) - 1) + '" y="' + (5 + node * lane) + '" width="2" height="' + lane + '" fill="#d11f2f"/>');
  if (data.violation) out.push('<path d="M' + ox(data.violation.timeUs) + ',0V54" stroke="#d11f2f" stroke-width="2.5"/>');
  out.push('<rect x="' + op(view.from) + '" y="1" width="' + Math.max(3, op(view.to) - op(view.from)) + '" height="52" fill="#2f6fd0" fill-opacity=".1" stroke="#2f6fd0" rx="3"/>');
  overview.innerHTML = out.join("");
}

function show(from, to) {
  const length = Math.min(whole.to, Math.max(500, to - from));
  const start = Math.min(Math.max(0, from), whole.to - length);
  view = { from: start, to: start + length };
  draw();
}
const zoom = (factor, around) => show(around - (around - view.from) * factor, around + (view.to - around) * factor);
const middle = () => (view.from + view.to) / 2;
by("zoom-in").onclick = () => zoom(0.5, data.violation && inView(focusUs, focusUs) ? focus : middle());
by("zoom-out").onclick = () => zoom(2, middle());
by("all").onclick = () => show(0, whole.to);
by("end").onclick = () => { view = near(); draw(); };
by("squeeze").onchange = () => { start(); draw(); };
by("heartbeats").onchange = draw;
by("past").onchange = draw;
picture.addEventListener("wheel", (event) => {
  event.preventDefault();
  const px = event.clientX - picture.getBoundingClientRect().left;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    const by = (event.deltaX || event.deltaY) / (width - LEFT) * (view.to - view.from);
    return show(view.from + by, view.to + by);
  }
  zoom(event.deltaY > 0 ? 1.25 : 0.8, at(px));
}, { passive: false });
let drag;
picture.addEventListener("pointerdown", (event) => { drag = { px: event.clientX, view }; picture.setPointerCapture(event.pointerId); picture.classList.add("dragging"); });
picture.addEventListener("pointerup", () => { drag = undefined; picture.classList.remove("dragging"); });
picture.addEventListener("dblclick", () => show(0, whole.to));
picture.addEventListener("pointerleave", () => { tip.hidden = true; });
picture.addEventListener("pointermove", (event) => {
  if (drag !== undefined) {
    tip.hidden = true;
    const by = (drag.px - event.clientX) / (width - LEFT - RIGHT) * (drag.view.to - drag.view.from);
    return show(drag.view.from + by, drag.view.to + by);
  }
  const { target } = event;
  const text = target.dataset?.tip !== undefined ? tips[target.dataset.tip] : target.dataset?.node !== undefined ? stateText(Number(target.dataset.node), timeOf(at(event.clientX - picture.getBoundingClientRect().left))) : undefined;
  tip.hidden = text === undefined;
  if (text === undefined) return;
  tip.textContent = text;
  tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 12) + "px";
  tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 12) + "px";
});
overview.addEventListener("click", (event) => {
  const rect = overview.getBoundingClientRect();
  const time = (event.clientX - rect.left - LEFT) / (rect.width - LEFT - RIGHT) * whole.to, half = (view.to - view.from) / 2;
  show(time - half, time + half);
});
addEventListener("resize", draw);

function stateText(node, time) {
  const span = data.spans.findLast((one) => one.node === node && one.fromUs <= time && one.toUs >= time);
  const last = {};
  for (const [who, when, type, , value] of data.marks) {
    if (when > time) break;
    if (who !== node) continue;
    // A process that starts has what is on its disk, and commits and applies anew.
    if (type === "start") { last.append = last.durable; last.commit = last.apply = 0; }
    else if (type === "truncate") last.append = value;
    else if (type === "snapshot") last.append = Math.max(last.append || 0, value);
    else if (value > 0) last[type] = value;
  }
  const line = (name, type) => name + " " + (last[type] || 0);
  return data.nodes[node] + " at " + (time / 1000).toFixed(3) + " ms\n" + (span ? span.role + " in term " + span.term : "down") + "\n" +
    [line("last entry", "append"), line("durable", "durable"), line("committed", "commit"), line("applied", "apply")].join(", ");
}
draw();
})();
`;
