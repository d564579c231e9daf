import type { Io } from '../../../base/io.ts'

/** A file of a backup of the official BR. */
export interface OfficialFile {
  /** Below BACKUP_x/. */
  readonly path: string
  readonly sizeBytes: number
  /** The host that has it, where hosts hold their own parts. */
  readonly host?: string
}

/** Where backups of the official BR lie: a storage, or folders of hosts (its local backend). Reads only. */
export interface OfficialPlace {
  /** For people; without credentials. */
  readonly url: string
  /** Names of backups, in their order; a folder of another name is none. */
  backups(io: Io): AsyncIterable<string>
  /**
   * Files of a backup below a folder of it, those of one folder one after the other. Of a file that
   * several hosts have, the first one's.
   */
  files(backup: string, io: Io, below?: string): AsyncIterable<OfficialFile>
  /** One file of it; undefined where there is none. */
  find(backup: string, path: string, io: Io): Promise<OfficialFile | undefined>
  /** Its bytes, in pieces. @throws storage.*, file.unreadable */
  read(backup: string, file: OfficialFile, io: Io): AsyncIterable<Uint8Array>
}
