/** What bkp uses of `webhdfs` 1.2.0; the package brings no types. */
declare module 'webhdfs' {
  import type { EventEmitter } from 'node:events'

  /** A request of the package `request`: tells `complete` with the answer, or `error`. */
  type SentRequest = EventEmitter & { abort(): void }

  const webhdfs: {
    createClient(
      place: {
        readonly protocol: string
        readonly host: string
        readonly port: string
        readonly path: string
        readonly user?: string
      },
      requestOptions: Readonly<Record<string, unknown>>,
    ): {
      stat(path: string, done: () => void): SentRequest
      mkdir(path: string, mode: string, done: () => void): SentRequest
    }
  }
  export = webhdfs
}
