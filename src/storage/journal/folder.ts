/** What the journal asks of a file system: few enough things that one with faults can stand in for it. */

/** One file, open for reading and writing. */
export interface JournalFile {
  /** In bytes; it does not grow. */
  readonly size: number;
  /**
   * Durable when it resolves; never called while another write to the file is under way. A crash before that leaves any
   * of the sectors that it touches as they were or as they should be. `bytes` must not change until then.
   */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** The bytes from `position` on, all `length` of them: rejects where the file ends before. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * A folder of such files. A name is changed and taken away durably: once that has resolved, no crash brings back what was
 * before. A crash while it is under way leaves one or the other.
 */
export interface JournalFolder {
  /**
   * Creates it where it is missing. What the names are that it finds, they are durably from then on, whoever was killed
   * while they were changed. Rejects with `RAFT_LOCKED` while somebody else has it open.
   */
  open(): Promise<void>;
  /** The names of its files. */
  list(): Promise<readonly string[]>;
  /**
   * Makes a file of `size` zeros, which are durable; its name need not be. One that has the name already is replaced. A
   * crash while it is under way may leave a file of any size.
   */
  create(name: string, size: number): Promise<void>;
  /** Opens a file that is there. */
  openFile(name: string): Promise<JournalFile>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Lets others in. Idempotent. */
  close(): Promise<void>;
}
