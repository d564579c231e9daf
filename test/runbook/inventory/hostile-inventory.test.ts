import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { errorOf, faultsOf, shown } from '../support/errors.ts'
import { inventoryOf } from '../support/inventory.ts'

const folder = new URL('../../hostile/inventory/', import.meta.url)

/** What each file of test/hostile/inventory is told: faults, or the warnings of one that is read. */
const expected: Readonly<Record<string, readonly string[]>> = {
  '40-option-as-host.yml': [
    '3:5 "-oProxyCommand=id" cannot be the name of a host (use letters, digits and . _ - : % +, and no - first)',
    '4:24 "ansible_host" cannot be "-oProxyCommand=id" (write a name or an address)',
    '5:35 "ansible_ssh_common_args" ProxyJump cannot be "a,-oProxyCommand=id" (write [user@]host[:port], several separated by commas)',
  ],
  '41-option-as-user.yml': [
    '3:24 "ansible_user" cannot be "root -x" (write the name of a user)',
    '4:24 "ansible_user" cannot be "-oProxyCommand=id" (write the name of a user)',
    '5:24 "ansible_user" cannot be "$(id)" (write the name of a user)',
  ],
  '42-ipv6-zone.yml': [],
  '43-control-characters.yml': [
    '3:5 "a\nb" cannot be the name of a host (use letters, digits and . _ - : % +, and no - first)',
    '4:5 "c\u001b[2J" holds no valid range (write [1:3], [01:12:2] or [a:c])',
    '5:24 "ansible_host" cannot be "a\nb" (write a name or an address)',
  ],
  '44-duplicate-host.yml': ['4:5 the key "x" appears twice (the first is on line 3)'],
  '44-group-cycle.yml': ['4:22 the groups "b" and "a" contain each other (remove one of the two)'],
  '45-ports.yml': [
    '3:24 "ansible_port" cannot be "0" (write a number from 1 to 65535)',
    '4:24 "ansible_port" cannot be "65536" (write a number from 1 to 65535)',
    '5:24 "ansible_port" cannot be "22 " (write a number from 1 to 65535)',
    '6:24 "ansible_port" cannot be "22.5" (write a number from 1 to 65535)',
    '7:5 the port 0 of "e:0" is not between 1 and 65535',
  ],
  '46-ssh-options.yml': [
    '3:35 "ansible_ssh_common_args" StrictHostKeyChecking cannot be "maybe" (write yes, no or accept-new)',
    '4:35 "ansible_ssh_common_args" the ssh option "port" has no value (see: man ssh_config)',
  ],
  '46-unknown-ssh-options.yml': [
    '/inv/hosts.yml:3:35: the ssh option "foo" is not honoured',
    '/inv/hosts.yml:3:35: the ssh option "-Z" is not honoured',
    '/inv/hosts.yml:4:34: the ssh option "smartcarddevice" is not honoured',
    '/inv/hosts.yml:4:34: the ssh option "-w" is not honoured',
    '/inv/hosts.yml:4:34: the ssh option "1:1" is not honoured',
  ],
}

const read = (name: string) =>
  inventoryOf({ '/inv/hosts.yml': readFileSync(new URL(name, folder), 'utf8') })

const outcome = (name: string): readonly string[] => {
  try {
    return read(name).warnings
  } catch {
    expect(errorOf(() => read(name)).exit).toBe(6)
    return faultsOf(() => read(name))
  }
}

describe('hostile inventories', () => {
  test('every file has its expectation', () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(expected).sort())
  })

  test.each(Object.keys(expected))('%s', name => {
    expect(outcome(name)).toEqual(expected[name])
  })

  test('nothing that steers a terminal is shown as it is', () => {
    const text = shown(() => read('43-control-characters.yml'))
    expect(text).toContain('a\\nb')
    expect(text).not.toContain('\u001b')
  })
})
