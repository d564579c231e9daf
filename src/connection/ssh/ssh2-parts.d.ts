// The parts of ssh2 that a client needs. Its entry loads a server, an HTTP agent and TLS besides.
declare module 'ssh2/lib/client.js' {
  import { Client } from 'ssh2'
  export = Client
}

declare module 'ssh2/lib/agent.js' {
  import { createAgent } from 'ssh2'

  const parts: { readonly createAgent: typeof createAgent }
  export = parts
}

declare module 'ssh2/lib/protocol/keyParser.js' {
  import { utils } from 'ssh2'

  const parts: { readonly parseKey: typeof utils.parseKey }
  export = parts
}
