import { connectionContract } from '../contracts/connection.ts'
import { shellHost, temporaryFolder } from './support.ts'

/** Hosts have other shells, and other people's noise in their login scripts. */
const shells: Readonly<Record<string, readonly [string, ...string[]]>> = {
  bash: ['bash', '--posix'],
  'a login shell that prints': ['sh', '-c', 'echo welcome; echo motd >&2; exec sh'],
}

for (const [name, shell] of Object.entries(shells)) {
  connectionContract(name, async () => {
    const folder = await temporaryFolder()
    const { host, close } = shellHost({ shell })
    const { ask, scan, read, transport } = host
    return {
      host,
      readOnly: { name: host.name, transport, ask, scan, read },
      folder: folder.path,
      dispose: async () => {
        await close()
        await folder.remove()
      },
    }
  })
}
