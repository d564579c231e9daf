import type { BaseAgent, ParsedKey } from 'ssh2'
import agents from 'ssh2/lib/agent.js'

/** A key that an agent holds, and an agent that holds nothing else. */
export interface AgentKey {
  readonly publicKey: Buffer
  /** How its owner called it. */
  readonly comment: string
  readonly agent: BaseAgent
}

/** The keys of the agent at a socket. @throws Error when nothing answers there */
export function agentKeys(socket: string): Promise<readonly AgentKey[]> {
  return new Promise((resolve, reject) => {
    agents.createAgent(socket).getIdentities((error, keys) => {
      if (error !== undefined && error !== null) reject(error)
      else resolve(((keys ?? []) as readonly ParsedKey[]).map(key => agentKey(socket, key)))
    })
  })
}

/** ssh2 tries all that an agent holds: one key at a time keeps the order, and the server's limit, ours. */
function agentKey(socket: string, key: ParsedKey): AgentKey {
  const agent = agents.createAgent(socket)
  agent.getIdentities = answer => answer(undefined, [key])
  return { publicKey: key.getPublicSSH(), comment: key.comment, agent }
}
