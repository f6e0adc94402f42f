/**
 * What was asked over a connection and is not answered yet, by request id, from the oldest on. Ids are given out in turn
 * and answered about in turn, so that a ring will do: a Map outgrows a table every few requests (see `OperationQueue`).
 *
 * The ring spans all ids from the oldest unanswered one on: as many as are asked for within the time after which one that
 * is not answered ends the connection.
 */

const LEAST_CAPACITY = 16;

export class InFlight<Call> {
  #calls: (Call | undefined)[] = places(LEAST_CAPACITY);
  #sentAt = new Float64Array(LEAST_CAPACITY);
  #sizes = new Float64Array(LEAST_CAPACITY);
  /** The oldest that is not answered, or the next one. */
  #oldest = 0;
  #next = 0;
  #size = 0;
  #bytes = 0;

  /** Of all that is not answered. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#size;
  }

  /** When the oldest one was sent, if there is one. */
  get oldestSentAt(): number | undefined {
    return this.#size === 0 ? undefined : this.#sentAt[this.#placeOf(this.#oldest)];
  }

  /** The id of the oldest one, or of what is added next. */
  get oldestId(): number {
    return this.#oldest;
  }

  /** The id of what is added next. */
  get nextId(): number {
    return this.#next;
  }

  /** A request of so many bytes that is sent now. */
  add(call: Call, now: number, bytes: number): void {
    if (this.#next - this.#oldest === this.#calls.length) this.#grow();
    const place = this.#placeOf(this.#next);
    this.#calls[place] = call;
    this.#sentAt[place] = now;
    this.#sizes[place] = bytes;
    this.#bytes += bytes;
    this.#next += 1;
    this.#size += 1;
  }

  get(id: number): Call | undefined {
    return id >= this.#oldest && id < this.#next ? this.#calls[this.#placeOf(id)] : undefined;
  }

  delete(id: number): void {
    if (this.get(id) === undefined) return;
    const place = this.#placeOf(id);
    this.#calls[place] = undefined;
    this.#bytes -= this.#sizes[place] ?? 0;
    this.#size -= 1;
    while (this.#oldest < this.#next && this.#calls[this.#placeOf(this.#oldest)] === undefined) {
      this.#oldest += 1;
    }
  }

  /** In the order of sending. */
  get calls(): Call[] {
    const calls: Call[] = [];
    for (let id = this.#oldest; id < this.#next; id += 1) {
      const call = this.get(id);
      if (call !== undefined) calls.push(call);
    }
    return calls;
  }

  #placeOf(id: number): number {
    return id % this.#calls.length;
  }

  #grow(): void {
    const calls = this.#calls;
    const sentAt = this.#sentAt;
    const sizes = this.#sizes;
    const capacity = calls.length;
    this.#calls = places(2 * capacity);
    this.#sentAt = new Float64Array(2 * capacity);
    this.#sizes = new Float64Array(2 * capacity);
    for (let id = this.#oldest; id < this.#next; id += 1) {
      this.#calls[this.#placeOf(id)] = calls[id % capacity];
      this.#sentAt[this.#placeOf(id)] = sentAt[id % capacity] ?? 0;
      this.#sizes[this.#placeOf(id)] = sizes[id % capacity] ?? 0;
    }
  }
}

function places(count: number): undefined[] {
  return Array.from({ length: count }, () => undefined);
}
