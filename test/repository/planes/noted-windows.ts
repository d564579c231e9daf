import { existsSync } from 'node:fs'
import type { Host } from '../../../src/connection/contract.ts'

/** The folders of ours that a host told of: other tests on this machine have some, too. */
export interface NotedWindows {
  note(host: Host): Host
  all(): readonly string[]
  /** Those that are still there. */
  left(): readonly string[]
}

/** Notes what hosts tell over streams: each keeper of a folder prints its path. */
export function noteWindows(): NotedWindows {
  const made: string[] = []
  return {
    note: host => ({
      ...host,
      stream: (command, io) => {
        const { stdout, exit } = host.stream(command, io)
        return {
          exit,
          stdout: (async function* () {
            for await (const bytes of stdout) {
              const [, path] = /^(\/.*\/bkp-\w{10})\n$/.exec(Buffer.from(bytes).toString()) ?? []
              if (path !== undefined) made.push(path)
              yield bytes
            }
          })(),
        }
      },
    }),
    all: () => made,
    left: () => made.filter(path => existsSync(path)),
  }
}
