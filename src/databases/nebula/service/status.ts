/** What `nebula.service status` says of one daemon (specs/nebula.md §2.3). */
export interface ServiceStatus {
  /** `nebula-storaged`. */
  readonly daemon: string
  /** Undefined where it exited. */
  readonly pid?: number
}

const esc = String.fromCharCode(27)
/** Colours: around the port, and the blinking red of one that does not listen. */
const colours = new RegExp(`${esc}\\[[0-9;]*m`, 'g')
const statusLine = /(nebula-[a-z-]+)\([^)]*\): (?:Running as (\d+)|Exited)/

/**
 * The lines of `nebula.service status`. They come from pid files, which lie (nebula#1229): believe the
 * processes. The script ends with 0 whatever it says, up to 2.6.
 */
export function parseServiceStatus(output: string): readonly ServiceStatus[] {
  return withoutColours(output)
    .split('\n')
    .flatMap(line => {
      const [, daemon, pid] = statusLine.exec(line) ?? []
      if (daemon === undefined) return []
      return [{ daemon, ...(pid === undefined ? {} : { pid: Number(pid) }) }]
    })
}

/** What the script printed, for people: without colours. */
export function withoutColours(output: string): string {
  return output.replace(colours, '')
}
