/** The disk of the bare line: a record of `level` for each batch, synced. */

import { Level } from "level";

export class BareDisk {
  readonly #level: Level<string, Uint8Array>;
  #next = 0;

  private constructor(level: Level<string, Uint8Array>) {
    this.#level = level;
  }

  static async open(folder: string): Promise<BareDisk> {
    const options = { keyEncoding: "utf8", valueEncoding: "view", compression: false } as const;
    const level = new Level<string, Uint8Array>(folder, options);
    await level.open();
    return new BareDisk(level);
  }

  /** All of them with one sync. */
  async write(records: readonly Uint8Array[]): Promise<void> {
    const batch = this.#level.batch();
    for (const record of records) {
      batch.put(String(this.#next).padStart(12, "0"), record);
      this.#next += 1;
    }
    await batch.write({ sync: true });
  }
}
