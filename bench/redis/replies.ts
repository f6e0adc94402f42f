/** What Redis answers, in the order of the requests: as much of its protocol (RESP2) as `SET` and `GET` need. */

const LINE_END = "\r\n";
const ERROR = 0x2d; // -
const BULK = 0x24; // $

/** Cuts what arrives into replies, and calls back once for each: with its error, where it is one. */
export class Replies {
  readonly #onReply: (error: string | undefined) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onReply: (error: string | undefined) => void) {
    this.#onReply = onReply;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const line = bytes.indexOf(LINE_END, at);
      if (line === -1) break;
      const end = endOf(bytes, at, line);
      if (end > bytes.length) break;
      this.#onReply(bytes[at] === ERROR ? bytes.toString("latin1", at + 1, line) : undefined);
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}

/** Of the reply whose first line is there: a value comes behind the line that tells its length, which is -1 where there is none. */
function endOf(bytes: Buffer, at: number, line: number): number {
  const afterLine = line + LINE_END.length;
  if (bytes[at] !== BULK) return afterLine;
  const length = Number(bytes.toString("latin1", at + 1, line));
  return length < 0 ? afterLine : afterLine + length + LINE_END.length;
}

/** A request as Redis takes it. */
export function requestOf(...words: readonly string[]): string {
  const each = words.map((word) => `$${Buffer.byteLength(word)}${LINE_END}${word}${LINE_END}`);
  return `*${words.length}${LINE_END}${each.join("")}`;
}
