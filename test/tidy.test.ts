/** The house rules that a machine can check. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const LONGEST_FILE = 450;
const LONGEST_FUNCTION = 70;

interface Source {
  readonly path: string;
  readonly text: string;
}

function sourcesIn(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(root, folder, name))
    .map((path) => ({
      path: relative(root, path).split(sep).join("/"),
      text: readFileSync(path, "utf8"),
    }));
}

/** What a file imports of this project, as paths from its root. */
function importsOf({ path, text }: Source): string[] {
  const specifiers = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map(
    ([, found]) => found ?? "",
  );
  return specifiers.map((specifier) =>
    relative(root, join(root, path, "..", specifier))
      .split(sep)
      .join("/"),
  );
}

/** Folder by folder: what it may import beside itself. Leaves first. */
const MAY_IMPORT: Record<string, readonly RegExp[]> = {
  "src/core/": [],
  "src/storage/": [
    /^src\/core\/(types|membership)\.ts$/,
    /^src\/[a-z-]+\.ts$/,
    /^src\/node\/clock\.ts$/,
  ],
  "src/transport/": [
    /^src\/core\/(types|message)\.ts$/,
    /^src\/storage\/storage\.ts$/,
    /^src\/[a-z-]+\.ts$/,
    /^src\/node\/(clock|logger)\.ts$/,
  ],
  "src/node/": [
    /^src\/core\//,
    /^src\/storage\/storage\.ts$/,
    /^src\/transport\/transport\.ts$/,
    /^src\/[a-z-]+\.ts$/,
  ],
  "src/kv/": [
    /^src\/core\//,
    /^src\/node\//,
    /^src\/transport\/transport\.ts$/,
    /^src\/[a-z-]+\.ts$/,
  ],
  "src/testing/": [/^src\//],
  "src/cli/": [/^src\//],
};

describe("imports run one way", () => {
  for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
    test(`${folder} imports only what is below it`, () => {
      const wrong = sourcesIn(folder).flatMap((source) =>
        importsOf(source)
          .filter((target) => !target.startsWith(folder))
          .filter((target) => !allowed.some((pattern) => pattern.test(target)))
          .map((target) => `${source.path} -> ${target}`),
      );
      expect(wrong).toEqual([]);
    });
  }

  test("nothing in src imports the simulator, the benchmark or the tests", () => {
    const wrong = sourcesIn("src").flatMap((source) =>
      importsOf(source)
        .filter((target) => !target.startsWith("src/"))
        .map((target) => `${source.path} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("the map's table of the folders", () => {
  const map = readFileSync(join(root, "src", "README.md"), "utf8");
  const [, table = ""] = /^\| folder \|.*\n((?:\|.*\n)+)/m.exec(map) ?? [];
  /** From the top of the table down: what each row is about. */
  const rows = table
    .split("\n")
    .slice(1, -1)
    .map((row) => [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  const rowOf = (path: string): number => {
    const [, top = ""] = /^src\/([^/]+\/|[^/]+$)/.exec(path) ?? [];
    return rows.findIndex((names) => names.includes(top));
  };

  test("has every folder and file, and no other", () => {
    const entries = readdirSync(join(root, "src"), { withFileTypes: true });
    const found = entries.map((entry) => entry.name + (entry.isDirectory() ? "/" : ""));
    expect(new Set(rows.flat())).toEqual(new Set(found.filter((name) => name !== "README.md")));
  });

  test("is in the order of the imports", () => {
    const everybodys = ["src/node/clock.ts", "src/node/logger.ts"];
    const wrong = sourcesIn("src").flatMap((source) =>
      importsOf(source)
        .filter((target) => !everybodys.includes(target) && rowOf(target) < rowOf(source.path))
        .map((target) => `${source.path} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

test("the core names no clock, timer, promise, randomness or module of Node", () => {
  const impure =
    /\b(Date|Math\.random|setTimeout|setInterval|setImmediate|process\.|Promise|await|async)\b|node:/;
  const wrong = sourcesIn("src/core").flatMap(({ path, text }) =>
    withoutComments(text)
      .split("\n")
      .filter((line) => impure.test(line))
      .map((line) => `${path}: ${line.trim()}`),
  );
  expect(wrong).toEqual([]);
});

test("msgpackr is configured in one place", () => {
  const using = sourcesIn("src").filter(({ text }) => text.includes('from "msgpackr"'));
  expect(using.map(({ path }) => path)).toEqual(["src/codec.ts"]);
});

test("every file begins by saying what it is", () => {
  const silent = ["src", "bench", "sim"]
    .flatMap(sourcesIn)
    .filter(({ text }) => !/^(#!.*\n)?\/\*\*/.test(text));
  expect(silent.map(({ path }) => path)).toEqual([]);
});

test(`no file is longer than ${LONGEST_FILE} lines`, () => {
  const long = ["src", "bench", "sim"]
    .flatMap(sourcesIn)
    .filter(({ text }) => text.split("\n").length > LONGEST_FILE);
  expect(long.map(({ path }) => path)).toEqual([]);
});

test(`no function is longer than ${LONGEST_FUNCTION} lines`, () => {
  const long = ["src", "bench", "sim"].flatMap(sourcesIn).flatMap(longFunctionsOf);
  expect(long).toEqual([]);
});

test("nothing is left to do later, or switched off", () => {
  const marks = /\b(TODO|FIXME|XXX)\b|@ts-ignore|@ts-expect-error|\bas any\b/;
  const wrong = ["src", "bench", "sim"]
    .flatMap(sourcesIn)
    .filter(({ text }) => marks.test(text))
    .map(({ path }) => path);
  expect(wrong).toEqual([]);
});

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/\/\/.*$/gm, "");
}

/** Prettier puts the end of a function at the indentation of its beginning: so its length can be read off. */
function longFunctionsOf({ path, text }: Source): string[] {
  const lines = text.split("\n");
  const begins =
    /^(\s*)(export )?(async )?(function\b|(static |async |get |#|private )*[a-zA-Z]+\(.*\{$)/;
  return lines.flatMap((line, at) => {
    const indent = begins.exec(line)?.[1];
    if (indent === undefined || /^\s*(if|for|while|switch|return|catch)\b/.test(line)) return [];
    const length = lines.slice(at).findIndex((other) => other.startsWith(`${indent}}`));
    return length > LONGEST_FUNCTION ? [`${path}:${at + 1} (${length} lines)`] : [];
  });
}
