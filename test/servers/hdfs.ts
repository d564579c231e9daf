import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { checkedPlace, type HdfsPlace } from '../../src/storage/hdfs/place.ts'
import { hdfsClassPath } from './hdfs-program.ts'

/** A real HDFS on a folder of its own: a namenode, and datanodes on 127.0.0.1 and 127.0.0.2. */
export interface Hdfs {
  /** The web address of the namenode. */
  readonly namenode: string
  /** Who owns everything. */
  readonly superuser: string
  /** Both datanodes are listed. */
  place(path: string): HdfsPlace
  /** Asks WebHDFS as the superuser, past bkp; gives what it answers. @throws on a refusal */
  ask(method: string, path: string, query: string): Promise<unknown>
  safeMode(to: 'enter' | 'leave'): Promise<void>
  /** Ends a datanode; the namenode hears of it only after minutes. */
  stopDatanode(number: 0 | 1): Promise<void>
  stop(): Promise<void>
}

/** Starts HDFS on free ports. It cannot outlive this process: it ends with its input. */
export async function startHdfs(): Promise<Hdfs> {
  const folder = mkdtempSync(join(tmpdir(), 'bkp-hdfs-'))
  const java = spawn(
    'java',
    [
      // WebHDFS answers 500 without.
      ...['--add-opens', 'java.base/java.lang=ALL-UNNAMED'],
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      ...['-cp', hdfsClassPath(), 'Hdfs', folder],
    ],
    {
      // Its warnings are many; a pipe nobody reads would stop it.
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, HADOOP_USER_NAME: 'root' },
    },
  )
  const lines = createInterface({ input: java.stdout })[Symbol.asyncIterator]()
  const ended = new Promise<void>(resolve => java.once('close', () => resolve()))
  const answer = async (begin: string): Promise<string> => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done === true) throw new Error('HDFS ended')
      if (value.startsWith(begin)) return value.slice(begin.length)
    }
  }
  const order = async (line: string): Promise<void> => {
    java.stdin.write(`${line}\n`)
    await answer(`DONE ${line}`)
  }
  const namenode = `http://127.0.0.1:${await answer('READY ')}`
  return Object.freeze({
    namenode,
    superuser: 'root',
    place: path =>
      checkedPlace({ namenodes: [namenode], path, user: 'root', redirectHosts: ['127.0.0.2'] }),
    ask: async (method, path, query) => {
      const url = `${namenode}/webhdfs/v1${path}?${query}&user.name=root`
      const response = await fetch(url, { method })
      const text = await response.text()
      if (response.ok) return text === '' ? undefined : JSON.parse(text)
      throw new Error(`${method} ${path}: ${response.status} ${text}`)
    },
    safeMode: to => order(`safemode ${to}`),
    stopDatanode: number => order(`stop ${number}`),
    stop: async () => {
      java.stdin.end()
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  } satisfies Hdfs)
}
