/** Text for people: columns, numbers, colours where they are wanted. */

import { styleText } from "node:util";

type Style = "bold" | "dim" | "green" | "red" | "yellow";

/** Styled on a terminal that has colours; plain in a file, a pipe, or where NO_COLOR is set. */
export function style(format: Style, text: string): string {
  const { stdout } = process;
  if (!stdout.isTTY || !stdout.hasColors()) return text;
  return styleText(format, text);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Rows as columns, two spaces apart; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (column < row.length - 1 ? (row[column] ?? "").length : 0))),
  );
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => line.trimEnd())
    .join("\n");
}

const NUMBER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function count(value: number): string {
  return NUMBER.format(value);
}

/** `name` is in the singular: an "s" is added where there is not one. */
export function counted(value: number, name: string): string {
  return `${count(value)} ${name}${value === 1 ? "" : "s"}`;
}
