import { execFileSync } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { connectionContract } from '../contracts/connection.ts'
import { shellHost, temporaryFolder } from './support.ts'

/** A host with nothing but busybox: no GNU find, no GNU tar, no openssl. */
connectionContract(
  'busybox',
  async () => {
    const folder = await temporaryFolder()
    const bin = join(folder.path, 'bin')
    await mkdir(bin)
    const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim()
    const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')
    for (const applet of applets) await symlink(busybox, join(bin, applet))
    const { host, withVariables, close } = shellHost({
      shell: [join(bin, 'sh')],
      env: { PATH: bin, HOME: '/' },
    })
    const { ask, scan, read, transport } = host
    const work = join(folder.path, 'work')
    await mkdir(work)
    return {
      host,
      withVariables,
      readOnly: { name: host.name, transport, ask, scan, read },
      folder: work,
      dispose: async () => {
        await close()
        await folder.remove()
      },
    }
  },
  {
    skip: {
      'unpacks times to the nanosecond':
        'busybox tar reads no pax headers, and sets no times of folders',
    },
  },
)
