/** A chart of lines as SVG, by hand: axes, a grid, lines with a dot and a tooltip at each point, and their names. */

import { escaped } from "./escaped.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly dashed?: boolean;
  readonly points: readonly Point[];
}

export interface Axis {
  readonly title: string;
  readonly scale: "linear" | "log";
  /** In place of round numbers. */
  readonly ticks?: readonly { readonly at: number; readonly text: string }[];
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Many points are a curve. */
  readonly dots?: boolean;
}

const WIDTH = 460;
const HEIGHT = 300;
const PLOT = { left: 62, right: WIDTH - 16, top: 46, bottom: HEIGHT - 42 } as const;

/** Empty where there is nothing to draw. */
export function chartSvg({ title, x, y, series, dots = true }: Chart): string {
  const points = series.flatMap((each) => each.points);
  if (points.length === 0) return "";
  const across = scaleOf(
    x,
    points.map((point) => point.x),
    [PLOT.left, PLOT.right],
  );
  const up = scaleOf(
    y,
    points.map((point) => point.y),
    [PLOT.bottom, PLOT.top],
  );
  const lines = series.map(({ name, colour, dashed = false, points: own }) => {
    const path = own.map(({ x: at, y: value }) => `${px(across.place(at))},${px(up.place(value))}`);
    const dash = dashed ? ' stroke-dasharray="5 4"' : "";
    const circles = own.map(
      (point, n) =>
        `<circle cx="${path[n]?.split(",")[0]}" cy="${path[n]?.split(",")[1]}" r="${dots ? 3.5 : 5}" fill="${dots ? colour : "transparent"}"><title>${escaped(name)}: ${shortNumber(point.y)} at ${shortNumber(point.x)}</title></circle>`,
    );
    return `<polyline points="${path.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>${circles.join("")}`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">
<text class="title" x="${PLOT.left}" y="16">${escaped(title)}</text>
${namesOf(series)}
${across.ticks.map(({ at, text }) => verticalTick(across.place(at), text)).join("")}
${up.ticks.map(({ at, text }) => horizontalTick(up.place(at), text)).join("")}
<text class="axis" x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(x.title)}</text>
<text class="axis" transform="translate(13 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y.title)}</text>
${lines.join("\n")}
</svg>`;
}

function namesOf(series: readonly Series[]): string {
  const PER_LETTER = 6.6;
  let at: number = PLOT.left;
  return series
    .map(({ name, colour, dashed = false }) => {
      const dash = dashed ? ' stroke-dasharray="5 4"' : "";
      const drawn = `<line x1="${px(at)}" x2="${px(at + 18)}" y1="30" y2="30" stroke="${colour}" stroke-width="2"${dash}/><text class="name" x="${px(at + 23)}" y="34">${escaped(name)}</text>`;
      at += 44 + name.length * PER_LETTER;
      return drawn;
    })
    .join("");
}

function verticalTick(at: number, text: string): string {
  return `<line class="grid" x1="${px(at)}" x2="${px(at)}" y1="${PLOT.top}" y2="${PLOT.bottom}"/><text class="tick" x="${px(at)}" y="${PLOT.bottom + 15}" text-anchor="middle">${text}</text>`;
}

function horizontalTick(at: number, text: string): string {
  return `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${px(at)}" y2="${px(at)}"/><text class="tick" x="${PLOT.left - 6}" y="${px(at + 4)}" text-anchor="end">${text}</text>`;
}

interface Scale {
  place(value: number): number;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

function scaleOf(
  { scale, ticks }: Axis,
  values: readonly number[],
  [from, to]: readonly [number, number],
): Scale {
  const raw =
    ticks?.map(({ at }) => at) ?? (scale === "log" ? logTicks(values) : linearTicks(values));
  const by = scale === "log" ? (value: number) => Math.log10(Math.max(value, 1e-9)) : Number;
  const ends = [...raw, ...values].map(by);
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const span = most - least || 1;
  return {
    place: (value) => from + ((by(value) - least) / span) * (to - from),
    ticks: ticks ?? raw.map((at) => ({ at, text: shortNumber(at) })),
  };
}

/** Whole powers of ten around the values, and 2 and 5 times them where there would be few. */
export function logTicks(values: readonly number[]): number[] {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return [1, 10];
  const low = Math.floor(Math.log10(Math.min(...positive)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive))));
  const steps = high - low <= 2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = low; power < high; power += 1)
    ticks.push(...steps.map((step) => Number(`${step}e${power}`)));
  return [...ticks, Number(`1e${high}`)];
}

/** From zero, four to eight round steps. */
export function linearTicks(values: readonly number[]): number[] {
  const most = Math.max(...values, 0) || 1;
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, n) => n * step);
}

/** 1500 is 1.5k: at most three digits that matter. */
export function shortNumber(value: number): string {
  const units = [
    { from: 1e6, letter: "M" },
    { from: 1e3, letter: "k" },
  ];
  const { from, letter } = units.find((unit) => value >= unit.from) ?? { from: 1, letter: "" };
  return `${Number((value / from).toPrecision(3))}${letter}`;
}

function px(value: number): string {
  return value.toFixed(1);
}
