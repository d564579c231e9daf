/** Runs a shell script where the database lies, and returns what it printed; throws on failure. */
export type RunShell = (script: string) => string

/** A RocksDB database, used through `ldb` as an operator would. Every call opens and closes it. */
export interface RocksDb {
  /** Writes rows `<prefix>000001` and following, which become an SST of their own at the next open. */
  load(prefix: string, rows: number): void
  /** Rewrites all SSTs into one level. */
  compact(): void
  /** A consistent copy in a new folder: its SSTs are hard links. */
  checkpoint(folder: string): void
  /** How many rows, and the sha256 of all of them in key order as `ldb scan` prints them. */
  scan(): Scan
}

export interface Scan {
  readonly rows: number
  readonly sha256: string
}

/** The database in a folder of a host; made by the first write. */
export function rocksDb(run: RunShell, folder: string): RocksDb {
  const ldb = (words: string): string => run(`ldb --db=${folder} ${words}`)
  return Object.freeze({
    load: (prefix, rows) => {
      // Values that do not repeat: a row adds to the size, though SSTs are compressed.
      run(`awk 'BEGIN { srand(1); for (i = 1; i <= ${rows}; i++)
        printf "${prefix}%06d ==> %s %.16f %.16f\\n", i, "${prefix}", rand(), rand() }' |
        ldb --db=${folder} --create_if_missing load`)
    },
    compact: () => void ldb('compact'),
    checkpoint: target => void ldb(`checkpoint --checkpoint_dir=${target}`),
    scan: () => {
      // Twice, rather than millions of rows through a pipe to here.
      const [sha256 = ''] = ldb('scan | sha256sum').split(' ')
      return { rows: Number(ldb('scan | wc -l')), sha256 }
    },
  } satisfies RocksDb)
}
