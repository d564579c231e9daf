import type { Io } from '../../../base/io.ts'

/**
 * A value of nGQL as plain data. Dates and times are text (`2021-03-09`, `08:43:12.000345`,
 * `2021-03-09T08:43:12.000345`, in UTC as graphd sends them); vertices, edges, paths, points and
 * durations are maps; text that is no UTF-8 shows replacement characters.
 */
export type GraphValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly GraphValue[]
  | { readonly [name: string]: GraphValue }

/** What a statement brought; a statement without a result has no columns. */
export interface GraphTable {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly GraphValue[])[]
}

declare const made: unique symbol

/** A statement that only reads; made only in `statements.ts`. */
export interface ReadingStatement {
  readonly [made]: 'reads'
  readonly text: string
}

/** A statement that changes something; made only in `statements.ts`. */
export interface WritingStatement {
  readonly [made]: 'writes'
  readonly text: string
}

export interface StatementOptions {
  /** The space that is chosen for it. */
  readonly space?: string
  /** How long graphd may take for it. */
  readonly timeoutMs?: number
}

/** A session with a graphd, for statements that only read. */
export interface GraphReaderSession {
  /** `host:port` of the graphd. */
  readonly address: string
  /**
   * Asked once more, in a new session, where graphd does not know the session any longer.
   * @throws nebula.refused, nebula.space_not_found, nebula.unreachable, nebula.protocol
   */
  read(statement: ReadingStatement, io: Io, options?: StatementOptions): Promise<GraphTable>
  /** Signs out; says nothing of what goes wrong then. */
  close(): Promise<void>
}

/** The same, and statements that write. */
export interface GraphSession extends GraphReaderSession {
  /**
   * Sent once.
   * @throws nebula.outcome_unknown where the answer was lost, and what `read` throws
   */
  execute(statement: WritingStatement, io: Io, options?: StatementOptions): Promise<GraphTable>
}

/** How a cluster's graphds are reached, in inventory order; the first that answers is taken. */
export interface GraphReader {
  /** @throws nebula.unreachable where none answers, nebula.refused where it does not let us in */
  openReader(io: Io): Promise<GraphReaderSession>
}

/** The same, for statements that write, too. */
export interface GraphClient extends GraphReader {
  open(io: Io): Promise<GraphSession>
}
