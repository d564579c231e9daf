import { hostList, indented } from '../event-lines.ts'

/** What steps had to say, hosts that said the same together. */
export interface Messages {
  add(host: string, message: string): void
  /** The lines so far; they are taken away. */
  take(): readonly string[]
}

/** Gathers the messages of a step until it is over. */
export function gatherMessages(): Messages {
  let hostsOf = new Map<string, string[]>()
  return Object.freeze({
    add: (host, message) => {
      const hosts = hostsOf.get(message)
      if (hosts === undefined) hostsOf.set(message, [host])
      else hosts.push(host)
    },
    take: () => {
      const lines = [...hostsOf].flatMap(([message, hosts]) => {
        const who = `    ${hostList([...new Set(hosts)])}: `
        const [first = '', ...rest] = indented(message, 0)
        return [who + first, ...rest.map(line => `      ${line}`)]
      })
      hostsOf = new Map()
      return lines
    },
  } satisfies Messages)
}
