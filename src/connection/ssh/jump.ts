/** A jump host as it is written: `[user@]host[:port]`. */
export interface JumpHost {
  readonly user?: string
  readonly host: string
  readonly port?: number
}

const hop =
  /^(?:ssh:\/\/)?(?:(?<user>[^@\s]+)@)?(?:\[(?<address>[^\]\s]+)\]|(?<host>[^:@[\]\s/]+))(?::(?<port>\d{1,5}))?\/?$/i
const hostName = /^[\p{L}\p{N}_.:][\p{L}\p{N}_.:%+-]*$/u
const userName = /^[\p{L}\p{N}_.\\][\p{L}\p{N}_.@$\\+-]*$/u

/** Jump hosts in the order they are gone through; undefined for text that names none. */
export function parseJumps(text: string): readonly JumpHost[] | undefined {
  if (text.toLowerCase() === 'none') return []
  const jumps = text.split(',').map(parseJump)
  return jumps.every(jump => jump !== undefined) ? jumps : undefined
}

function parseJump(text: string): JumpHost | undefined {
  const { user, address, host = address, port } = hop.exec(text.trim())?.groups ?? {}
  if (host === undefined || !isHostName(host)) return undefined
  if (user !== undefined && !isUserName(user)) return undefined
  const number = port === undefined ? undefined : Number(port)
  if (number !== undefined && (number < 1 || number > 65_535)) return undefined
  return {
    host,
    ...(user === undefined ? {} : { user }),
    ...(number === undefined ? {} : { port: number }),
  }
}

/** True for a name or address that nothing can take for an option or for shell text. */
export function isHostName(text: string): boolean {
  return hostName.test(text)
}

/** True for the name of a user that nothing can take for an option or for more than a word. */
export function isUserName(text: string): boolean {
  return userName.test(text)
}
