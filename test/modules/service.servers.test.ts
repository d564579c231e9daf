import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { service } from '../../src/modules/builtin/service.ts'
import { anyModule } from '../../src/modules/contract.ts'
import { shellHost } from '../connection/support.ts'
import { expectConverges, planOn } from '../contracts/module.ts'
import { runHere } from '../slice/listing.ts'
import { hostModule } from './host-module.ts'

const services = hostModule(anyModule(service))
const name = `bkp-test-${process.pid}`
const file = `/etc/init.d/${name}`
const script = `#!/bin/sh
### BEGIN INIT INFO
# Provides: ${name}
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: sleeps
### END INIT INFO
pid=/run/${name}.pid
case $1 in
start) start-stop-daemon --start --background --make-pidfile --pidfile $pid --exec /bin/sleep -- 600 ;;
stop) start-stop-daemon --stop --oknodo --retry 5 --pidfile $pid --remove-pidfile ;;
restart) "$0" stop && "$0" start ;;
status) start-stop-daemon --status --pidfile $pid ;;
*) echo "Usage: $0 {start|stop|restart|status}"; exit 3 ;;
esac
`
const here = shellHost({ env: { PATH: '/usr/bin:/bin' } })

beforeAll(() => {
  writeFileSync(file, script)
  chmodSync(file, 0o755)
})
afterAll(async () => {
  await here.close()
  runHere(`${file} stop; update-rc.d ${name} remove; true`)
  rmSync(file, { force: true })
})

describe('service with a script of /etc/init.d', () => {
  const pid = (): string => runHere(`cat /run/${name}.pid`).trim()

  it('starts it and lets it start at boot, restarts it, stops it', async () => {
    const up = { name, use: 'sysvinit', state: 'started', enabled: true }
    const result = await expectConverges(here.host, services, up)
    expect(result).toMatchObject({ state: 'started', enabled: true, status: { status: '0' } })
    const first = pid()
    expect(runHere(`ls /etc/rc2.d`)).toMatch(new RegExp(`S\\d\\d${name}`))

    const again = { name, use: 'sysvinit', state: 'restarted' }
    await expect(expectConverges(here.host, services, again)).rejects.toThrow('after')
    expect(pid()).not.toBe(first)

    const down = { name, use: 'sysvinit', state: 'stopped', enabled: false }
    await expectConverges(here.host, services, down)
    expect(runHere(`ls /etc/rc2.d`)).not.toMatch(new RegExp(`S\\d\\d${name}`))
  })

  it('knows a script that is not there', async () => {
    await expect(
      planOn(here.host, services, { name: `${name}x`, use: 'sysvinit', state: 'started' }),
    ).rejects.toThrow('there is no service')
  })
})
