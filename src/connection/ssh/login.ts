import type { AnyAuthMethod, AuthHandlerMiddleware } from 'ssh2'
import { type AgentKey, agentKeys } from './agent.ts'
import type { LoadIdentity } from './identities.ts'
import type { LoginKind, SshTarget } from './target.ts'

/** One try at logging in. */
export interface Attempt {
  readonly kind: LoginKind
  /** For messages. */
  readonly label: string
  readonly method: AnyAuthMethod
}

/** What can be tried, and why something else cannot. */
export interface Credentials {
  readonly attempts: readonly Attempt[]
  /** Keys that were meant and cannot be used, an agent that does not answer. */
  readonly notes: readonly string[]
}

/**
 * The ways to log in, in the order they are tried: keys that were named, other keys of the agent, the
 * usual files, the password. A key that the agent holds is used there, so that it needs no passphrase.
 */
export async function credentialsOf(target: SshTarget, load: LoadIdentity): Promise<Credentials> {
  const notes: string[] = []
  const wants = (kind: LoginKind) => target.logins.includes(kind)
  const agent = wants('publickey') ? await heldKeys(target, notes) : []
  const keys = wants('publickey') ? await keyAttempts(target, agent, load, notes) : []
  const attempts = [...keys, ...passwordAttempts(target)]
  return {
    attempts: target.logins.flatMap(kind => attempts.filter(attempt => attempt.kind === kind)),
    notes,
  }
}

async function heldKeys(target: SshTarget, notes: string[]): Promise<readonly AgentKey[]> {
  if (target.agentSocket === undefined) return []
  try {
    return await agentKeys(target.agentSocket)
  } catch {
    notes.push(`no agent answers at ${target.agentSocket}`)
    return []
  }
}

async function keyAttempts(
  { user: username, identities, isIdentityNamed, identitiesOnly }: SshTarget,
  held: readonly AgentKey[],
  load: LoadIdentity,
  notes: string[],
): Promise<readonly Attempt[]> {
  const ofAgent = (key: AgentKey): Attempt => ({
    kind: 'publickey',
    label: `the agent's key ${key.comment}`,
    method: { type: 'agent', username, agent: key.agent },
  })
  const files: Attempt[] = []
  const used = new Set<AgentKey>()
  for (const identity of identities) {
    const loaded = await load(identity)
    if (loaded.kind === 'unusable') {
      if (isIdentityNamed || !loaded.isAbsent) notes.push(loaded.why)
      continue
    }
    const there = held.find(key => key.publicKey.equals(loaded.publicKey))
    if (there !== undefined) {
      if (!used.has(there)) files.push(ofAgent(there))
      used.add(there)
    } else if (loaded.kind === 'agent_only') notes.push(loaded.why)
    else {
      const label = identity.text === undefined ? `the key ${identity.file}` : identity.file
      files.push({
        kind: 'publickey',
        label,
        method: { type: 'publickey', username, key: loaded.key },
      })
    }
  }
  const others = identitiesOnly ? [] : held.filter(key => !used.has(key)).map(ofAgent)
  return isIdentityNamed ? [...files, ...others] : [...others, ...files]
}

function passwordAttempts({ user: username, password: secret }: SshTarget): readonly Attempt[] {
  const password = secret?.reveal()
  if (password === undefined) return []
  return [
    {
      kind: 'password',
      label: 'the password',
      method: { type: 'password', username, password },
    },
    {
      kind: 'keyboard-interactive',
      label: 'the password, asked for',
      method: {
        type: 'keyboard-interactive',
        username,
        prompt: answerOnce(password),
      },
    },
  ]
}

type Prompt = Extract<AnyAuthMethod, { readonly type: 'keyboard-interactive' }>['prompt']

/**
 * Gives the password to the first question whose answer is not shown. A second one is for something
 * else: a code, or a new password in place of one that has expired.
 */
function answerOnce(password: string): Prompt {
  let isGiven = false
  return (_name, _instructions, _language, prompts, finish) =>
    finish(
      prompts.map(prompt => {
        if (prompt.echo === true || isGiven) return ''
        isGiven = true
        return password
      }),
    )
}

/** The course of one login, for messages. */
export interface LoginRecord {
  readonly tried: readonly Attempt[]
  /** What the host would take, as far as it said. */
  readonly accepted: readonly string[]
}

/** Chooses what to try next; `record` tells what was. */
export interface LoginCourse {
  readonly handler: AuthHandlerMiddleware
  record(): LoginRecord
  /** From now on no password is given: the host may be another one. */
  withholdPassword(): void
}

/**
 * Asks first what the host takes, as ssh does, and tries only that; a host that wants several proofs
 * gets them in its own order. A password that was refused is not given again in another way: hosts
 * count such failures, and lock out.
 */
export function createLoginCourse(target: SshTarget, credentials: Credentials): LoginCourse {
  const left = new Set(credentials.attempts)
  const tried: Attempt[] = []
  let accepted: readonly string[] = []
  let isPasswordSpent = false
  const handler: AuthHandlerMiddleware = (methods, isPartial, next) => {
    // ssh2 gives null at first, whatever its types say.
    const offered = methods as readonly string[] | null
    if (offered === null) {
      next({ type: 'none', username: target.user })
      return
    }
    accepted = offered
    const last = tried.at(-1)
    if (last !== undefined && last.kind !== 'publickey' && !isPartial) isPasswordSpent = true
    const choice = [...left].find(
      ({ kind }) => offered.includes(kind) && (kind === 'publickey' || !isPasswordSpent),
    )
    if (choice === undefined) {
      // ssh2 takes false for the end of the list, which its types leave out.
      ;(next as (none: unknown) => void)(false)
      return
    }
    left.delete(choice)
    tried.push(choice)
    next(choice.method)
  }
  return {
    handler,
    record: () => ({ tried, accepted }),
    withholdPassword: () => {
      for (const attempt of left) if (attempt.kind !== 'publickey') left.delete(attempt)
    },
  }
}
