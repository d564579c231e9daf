import type { GraphClient, GraphTable } from '../../../../src/databases/nebula/graph/contract.ts'

/** Answers by statement, with the space before it where one is chosen: `nba: SHOW STATS`. */
export type Script = (statement: string) => GraphTable

/** A graphd of which only statements matter. */
export function scriptedGraph(script: Script): GraphClient & { readonly asked: readonly string[] } {
  const asked: string[] = []
  const say = async (text: string, space: string | undefined): Promise<GraphTable> => {
    const statement = space === undefined ? text : `${space}: ${text}`
    asked.push(statement)
    return script(statement)
  }
  const session = {
    address: '10.0.0.1:9669',
    read: async ({ text }: { readonly text: string }, _io: unknown, options?: { space?: string }) =>
      await say(text, options?.space),
    close: async () => {
      asked.push('close')
    },
  }
  const open = async () => ({ ...session, execute: session.read })
  return { asked, open, openReader: open }
}

export function table(
  columns: readonly string[],
  ...rows: readonly (readonly (string | bigint)[])[]
): GraphTable {
  return { columns, rows }
}

export const noResult: GraphTable = { columns: [], rows: [] }

/** SHOW STATS of a space with one tag and one edge type. */
export function stats(vertices: bigint, edges: bigint): GraphTable {
  return table(
    ['Type', 'Name', 'Count'],
    ['Tag', 'player', vertices],
    ['Edge', 'follow', edges],
    ['Space', 'vertices', vertices],
    ['Space', 'edges', edges],
  )
}

/** SHOW JOBS. */
export function jobs(...rows: readonly (readonly [bigint, string, string])[]): GraphTable {
  return table(
    ['Job Id', 'Command', 'Status', 'Start Time', 'Stop Time'],
    ...rows.map(row => [...row, '', '']),
  )
}

/** SHOW JOB of a job with one task. */
export function job(id: bigint, status: string): GraphTable {
  return table(
    ['Job Id(TaskId)', 'Command(Dest)', 'Status', 'Start Time', 'Stop Time'],
    [id, 'STATS', status, '', ''],
    [0n, '10.0.0.2', status, '', ''],
  )
}
