import { connectionContract } from '../contracts/connection.ts'
import { shellHost, temporaryFolder } from './support.ts'

/** The contract over this machine with another shell in place of its own. */
export function shellContract(name: string, shell: readonly [string, ...string[]]): void {
  connectionContract(name, async () => {
    const folder = await temporaryFolder()
    const { host, withVariables, close } = shellHost({ shell })
    const { ask, scan, read, transport } = host
    return {
      host,
      withVariables,
      readOnly: { name: host.name, transport, ask, scan, read },
      folder: folder.path,
      dispose: async () => {
        await close()
        await folder.remove()
      },
    }
  })
}
