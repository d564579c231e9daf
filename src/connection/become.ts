import type { Readable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'
import { orAbort } from './abort.ts'
import type { Channel, Transport } from './channel.ts'
import type { Become } from './contract.ts'
import { lastWords } from './probes/replies.ts'
import { joinLines, quoteWord, script } from './quote.ts'
import { newMarker, type Session, within } from './session.ts'

/** How long sudo may take, in milliseconds: a wrong password alone costs PAM two seconds. */
const sudoLimitMs = 30_000
/** For what is still on its way on stderr once sudo has ended. */
const lastWordsMs = 1000
/** Of what sudo says, in bytes. */
const saidLimitBytes = 16 * 1024

export interface BecomeOptions extends Pick<Session, 'host' | 'random'> {
  readonly clock: Clock
  readonly become: Become
}

/**
 * A host as another user: every channel is a shell that sudo started. A password is sent once, after a
 * prompt that nobody can foretell; one that sudo does not take is not sent again, since hosts lock users
 * out. `open` throws become.failed besides what the transport throws.
 */
export function becomeTransport(base: Transport, options: BecomeOptions): Transport {
  let refused: BkpError | undefined
  /** The first channel shows whether sudo lets us; the others wait for it. */
  let first: Promise<unknown> | undefined

  const become = async (io: Io): Promise<Channel> => {
    if (refused !== undefined) throw refused
    const channel = await base.open(io)
    try {
      await orAbort(becomeOn(channel, base, options), io.signal)
      return channel
    } catch (thrown) {
      channel.close()
      if (thrown instanceof BkpError && thrown.details['password'] === 'wrong') refused = thrown
      throw thrown
    }
  }
  const open = async (io: Io): Promise<Channel> => {
    if (first !== undefined) {
      await orAbort(Promise.allSettled([first]), io.signal)
      return await become(io)
    }
    const opening = become(io)
    first = opening
    opening.catch(() => {
      first = undefined
    })
    return await opening
  }
  return Object.freeze({
    name: becomeName(base.name),
    open,
    dial: base.dial,
    lost: base.lost,
    isAlive: base.isAlive,
    // The connection is that of all users.
    close: async () => {},
  } satisfies Transport)
}

/** How a transport is called when its commands run through sudo. */
export function becomeName(transport: string): string {
  return `${transport} with sudo`
}

/** What was said on a channel's stderr until one of the words came. */
interface Said {
  readonly word: string | undefined
  readonly text: Buffer
}

async function becomeOn(
  channel: Channel,
  base: Transport,
  { host, random, clock, become }: BecomeOptions,
): Promise<void> {
  const prompt = newMarker({ random }).toString()
  const [begun, missing] = [newMarker({ random }).toString(), newMarker({ random }).toString()]
  const password = passwordLine(become)
  const listener = listen(channel, clock)
  try {
    channel.stdin.write(sudoScript(become, { prompt, begun, missing }))
    let said = await listener.until([prompt, `${begun}\n`, missing], sudoLimitMs)
    if (said.word === prompt && password !== undefined) {
      channel.stdin.write(password)
      said = await listener.until([prompt, `${begun}\n`], sudoLimitMs)
      if (said.word === prompt) throw wrongPassword(host, become.user)
    }
    if (said.word === `${begun}\n`) return
    if (said.word === missing) throw sudoMissing(host, become.user)
    if (!base.isAlive()) throw base.lost()
    const text = said.text.toString('latin1')
    throw listener.hasEnded()
      ? refusal(host, become, text, password !== undefined)
      : silence(host, become, text)
  } finally {
    listener.close()
  }
}

/** What sudo reads. A line end in it would begin what the shell reads. */
function passwordLine({ password }: Become): string | undefined {
  if (password === undefined) return undefined
  const text = password.reveal()
  if (!/[\n\r\0]/.test(text)) return `${text}\n`
  throw new BkpError('become.failed', 'the password for sudo has a line end in it', {
    hint: 'see ansible_become_password: sudo reads one line',
  })
}

/** A halved word: sudo shows the command it refuses, which must not look like its success. */
function halves(word: string): readonly [Buffer, Buffer] {
  return [quoteWord(word.slice(0, 8)), quoteWord(word.slice(8))]
}

/**
 * What the login user's shell runs: sudo in its place. The shell that sudo starts leads a session of its
 * own, as sshd's do, so that its processes can be ended together. No sudo for whom we are already.
 */
function sudoScript(
  { user, password }: Become,
  words: { readonly prompt: string; readonly begun: string; readonly missing: string },
): Buffer {
  const [head, tail] = halves(words.begun)
  const inner = Buffer.concat([
    // The login user's folder may be closed to this one.
    script`[ -r . ] && [ -x . ] || cd /; `,
    script`g=; { read -r _ _ _ _ g _ </proc/$$/stat; } 2>/dev/null; `,
    script`printf '%s%s\n' ${head} ${tail} >&2; `,
    script`if [ -z "$g" ] || [ "$g" = "$$" ] || ! command -v setsid >/dev/null 2>&1; then exec /bin/sh; fi; `,
    script`exec setsid /bin/sh`,
  ])
  const how = password === undefined ? script`-n` : script`-S -p ${quoteWord(words.prompt)}`
  return joinLines([
    script`{ export LC_ALL=C; unset LANGUAGE SUDO_ASKPASS`,
    script`if [ "$(id -un 2>/dev/null)" = ${quoteWord(user)} ]; then exec /bin/sh -c ${quoteWord(inner)}; fi`,
    script`command -v sudo >/dev/null 2>&1 || { echo ${quoteWord(words.missing)} >&2; exit 127; }`,
    script`exec sudo -H ${how} -u ${quoteWord(user)} -- /bin/sh -c ${quoteWord(inner)}; }`,
  ])
}

/** Reads stderr piece by piece, and leaves what follows to whoever reads it next. */
function listen(channel: Channel, clock: Clock) {
  const { stderr } = channel
  let held: Buffer = Buffer.alloc(0)
  let ended = false
  let wake = () => {}
  const done = new AbortController()
  const onReadable = () => wake()
  const onEnd = () => {
    ended = true
    wake()
  }
  stderr.on('readable', onReadable)
  for (const event of ['end', 'close', 'error']) stderr.once(event, onEnd)
  // A shell that has ended says no more, whoever still holds its stderr.
  void channel.ended.then(async () => {
    await clock.sleep(lastWordsMs, done.signal).catch(() => {})
    onEnd()
  })
  return {
    hasEnded: () => ended,
    until: async (words: readonly string[], limitMs: number): Promise<Said> => {
      let isLate = false
      const heard = (async (): Promise<Said> => {
        for (;;) {
          const found = firstOf(held, words)
          if (found !== undefined) {
            const text = held.subarray(0, found.at)
            held = held.subarray(found.at + found.word.length)
            return { word: found.word, text }
          }
          const chunk: Buffer | null = stderr.read()
          if (chunk !== null) held = Buffer.concat([held, chunk]).subarray(-saidLimitBytes)
          else if (ended || isLate) return { word: undefined, text: held }
          else {
            await new Promise<void>(resolve => {
              wake = resolve
            })
          }
        }
      })()
      await within({ clock }, heard, limitMs)
      isLate = true
      wake()
      return await heard
    },
    close: () => {
      done.abort()
      stderr.off('readable', onReadable)
      for (const event of ['end', 'close', 'error']) stderr.off(event, onEnd)
      giveBack(stderr, held)
    },
  }
}

function giveBack(stream: Readable, bytes: Buffer): void {
  if (bytes.length > 0 && !stream.readableEnded && !stream.destroyed) stream.unshift(bytes)
}

function firstOf(
  text: Buffer,
  words: readonly string[],
): { readonly at: number; readonly word: string } | undefined {
  return words
    .map(word => ({ at: text.indexOf(word), word }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at)[0]
}

function failed(host: string, message: string, hint: string, details = {}): BkpError {
  return new BkpError('become.failed', message, { hint, details: { host, ...details } })
}

function wrongPassword(host: string, user: string): BkpError {
  const message = `sudo on ${host} does not take the password for becoming ${user}`
  const hint = 'see ansible_become_password: sudo asks for the password of the user who logs in'
  return failed(host, message, hint, { password: 'wrong' })
}

function sudoMissing(host: string, user: string): BkpError {
  return failed(
    host,
    `${host} has no sudo to become ${user} with`,
    `install sudo there, or log in as ${user}: ansible_user`,
  )
}

/** It waits for something: for an answer that is no password, or for a directory of users. */
function silence(host: string, { user }: Become, text: string): BkpError {
  const said = lastWords(Buffer.from(text, 'latin1'))
  const message = `sudo on ${host} did not make us ${user} within ${sudoLimitMs / 1000} s`
  const hint = 'if it asks for more than a password (another PAM module), allow it with NOPASSWD'
  return failed(host, message, hint, said === '' ? {} : { stderr: said })
}

/** What sudo says in English when it refuses; sudo-rs has words of its own for the first. */
function refusal(host: string, { user }: Become, text: string, hasPassword: boolean): BkpError {
  const said = lastWords(Buffer.from(text, 'latin1'))
  const details = said === '' ? {} : { stderr: said }
  if (/incorrect password|authentication failed|maximum \d+ incorrect/i.test(text)) {
    return wrongPassword(host, user)
  }
  if (/password is required|authentication is required/i.test(text)) {
    const message = `sudo on ${host} wants a password for becoming ${user}`
    const hint = hasPassword
      ? 'see its sudoers: sudo did not ask for it on its standard input'
      : 'set ansible_become_password, or allow it without one: NOPASSWD in its sudoers'
    return failed(host, message, hint, details)
  }
  if (/\btty\b/i.test(text)) {
    const message = `sudo on ${host} refuses to work without a terminal`
    return failed(host, message, 'bkp has none: take requiretty out of its sudoers', details)
  }
  if (/unknown (user|uid)|user .* not found/i.test(text)) {
    return failed(host, `${host} has no user ${user}`, 'see become_user', details)
  }
  if (/not in the sudoers|not allowed|may not run sudo|I'm afraid I can't do that/i.test(text)) {
    const message = `sudo on ${host} does not let us become ${user}`
    const hint = `allow it in its sudoers, with /bin/sh as ${user}; see: sudo -l`
    return failed(host, message, hint, details)
  }
  const message = `sudo on ${host} does not make us ${user}: ${said === '' ? 'it says nothing' : said}`
  return failed(host, message, `try there: sudo -u ${user} /bin/sh`, details)
}
