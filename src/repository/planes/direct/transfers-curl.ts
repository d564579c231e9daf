/** What a host's curl can do: read from what `curl --version` prints. */
export interface CurlFeatures {
  readonly version: string
  /** `--parallel`: since 7.66. */
  readonly parallel: boolean
  /** `--parallel-immediate`, new connections at once in place of waiting for one to share: since 7.68. */
  readonly immediate: boolean
  /** `%{exitcode}` and `%{errormsg}` of each transfer: since 7.75. */
  readonly tellsExit: boolean
  /** As curl names them: `http`, `https`, `file`. */
  readonly protocols: readonly string[]
}

/** What of a curl can be known; nothing where the text is not of a curl. Pure. */
export function readCurlFeatures(printed: string): CurlFeatures | undefined {
  const [, major, minor] = /^curl (\d+)\.(\d+)/.exec(printed) ?? []
  if (major === undefined || minor === undefined) return undefined
  const [, protocols = ''] = /^Protocols:(.*)$/m.exec(printed) ?? []
  const since = (wanted: number): boolean => Number(major) * 1000 + Number(minor) >= wanted
  return Object.freeze({
    version: `${major}.${minor}`,
    parallel: since(7066),
    immediate: since(7068),
    tellsExit: since(7075),
    protocols: protocols.split(' ').filter(Boolean),
  })
}
