import { describe, expect, test } from 'vitest'
import { literal } from '../../../src/expression/scope.ts'
import { createAddressOf, hostOf } from '../../../src/runbook/inventory/address.ts'
import { errorOf } from '../support/errors.ts'
import { inventoryOf } from '../support/inventory.ts'

const environment = (name: string) => (name === 'HOME' ? '/home/me' : undefined)

function addressOf(vars: string, host = 'x') {
  const inventory = inventoryOf(`all: {hosts: {x: {${vars}}}}`)
  return createAddressOf({ environment })(inventory, host)
}

describe('addresses', () => {
  test('without variables, the rest is as ~/.ssh/config says', () => {
    expect(addressOf('')).toEqual({
      name: 'x',
      transport: 'ssh',
      hostname: 'x',
    })
  })

  test('connection variables, rendered when they are read', () => {
    const vars =
      'ip: 10.0.0.1, ansible_host: "{{ ip }}", ansible_port: "{{ base + 1 }}", base: 2221, ansible_user: deploy, ansible_ssh_private_key_file: ~/.ssh/id, ansible_password: pw, ansible_ssh_timeout: 3'
    const { password, ...address } = addressOf(vars)
    expect(address).toMatchObject({
      hostname: '10.0.0.1',
      port: 2222,
      user: 'deploy',
      privateKeyFile: '/home/me/.ssh/id',
      connectTimeoutMs: 3000,
    })
    expect(password?.reveal()).toBe('pw')
  })

  test('ssh options: honoured, needless, and others, which are warnings', () => {
    const inventory = inventoryOf(
      `all: {hosts: {x: {ansible_ssh_common_args: "-o StrictHostKeyChecking=no -oUserKnownHostsFile='/k1 ~/k2' -o ControlMaster=auto -o ServerAliveInterval=5 -J me@bastion:2222 -o EscapeKey=none -o Ciphers=aes128-ctr -o GSSAPIAuthentication=no -q -p 99"}}}`,
    )
    const warnings: string[] = []
    const address = createAddressOf({ environment, warn: each => warnings.push(each) })
    for (let round = 0; round < 2; round += 1) {
      expect(address(inventory, 'x')).toMatchObject({
        strictHostKeyChecking: 'no',
        knownHostsFiles: ['/k1', '/home/me/k2'],
        jump: 'me@bastion:2222',
        sshOptions: [
          ['ciphers', 'aes128-ctr'],
          ['port', '99'],
        ],
      })
    }
    // Told of once, where it stands.
    expect(warnings).toEqual([])
    expect(inventory.warnings).toEqual([
      '/inv/hosts.yml:1:44: the ssh option "escapekey" is not honoured',
    ])
  })

  test('an option that only a rendered value shows is told of once', () => {
    const inventory = inventoryOf(
      'all: {hosts: {x: {a: "-o EscapeKey=none", ansible_ssh_extra_args: "{{ a }}"}}}',
    )
    const warnings: string[] = []
    const address = createAddressOf({ environment, warn: each => warnings.push(each) })
    for (let round = 0; round < 2; round += 1) address(inventory, 'x')
    expect(warnings).toEqual(['ansible_ssh_common_args: the option "escapekey" is not honoured'])
  })

  test('the first of a kind counts, also over the three variables', () => {
    const vars =
      'ansible_ssh_common_args: "-o ConnectTimeout=3 -J none", ansible_ssh_extra_args: "-o ConnectTimeout=9 -J b -F /c -i ~/k", ansible_ssh_retries: 2'
    expect(addressOf(vars)).toEqual({
      name: 'x',
      transport: 'ssh',
      hostname: 'x',
      connectTimeoutMs: 3000,
      jump: 'none',
      sshConfigFile: '/c',
      sshOptions: [
        ['connectionattempts', '3'],
        ['identityfile', '~/k'],
      ],
    })
  })

  test('keys and their passphrases are secrets', () => {
    const address = addressOf(
      'ansible_ssh_private_key: KEY, ansible_ssh_private_key_passphrase: open',
    )
    expect([address.privateKey?.reveal(), address.privateKeyPassphrase?.reveal()]).toEqual([
      'KEY',
      'open',
    ])
    expect(JSON.stringify(address)).not.toMatch(/KEY|open/)
  })

  test.each([
    ['-o ProxyJump=-x', 'ProxyJump cannot be "-x"'],
    ['-J a,-oProxyCommand=id', 'ProxyJump cannot be "a,-oProxyCommand=id"'],
    ['-o ConnectTimeout=soon', 'ConnectTimeout cannot be "soon"'],
    ['-o Port', 'the ssh option "port" has no value'],
  ])('%s is refused', (args, message) => {
    const vars = `a: "${args}", ansible_ssh_common_args: "{{ a }}"`
    expect(errorOf(() => addressOf(vars)).message).toContain(message)
  })

  test('localhost needs no entry', () => {
    const inventory = inventoryOf('all: {hosts: {x: }, vars: {seen: all}}')
    expect(createAddressOf({ environment })(inventory, 'localhost').transport).toBe('local')
    expect(hostOf(inventory, 'localhost')?.groups).toEqual([])
    expect(inventory.groups.get('all')).toEqual(['x'])
  })

  test('a delegate that nothing lists is reached by its name, as all hosts are', () => {
    const vars = 'ansible_user: deploy, ansible_port: 2200'
    const inventory = inventoryOf(`all: {hosts: {x: }, vars: {${vars}}}`)
    const address = createAddressOf({ environment })
    expect(address(inventory, '10.0.0.9')).toEqual({
      name: '10.0.0.9',
      transport: 'ssh',
      hostname: '10.0.0.9',
      user: 'deploy',
      port: 2200,
    })
    expect(hostOf(inventory, '10.0.0.9')).toBeUndefined()
    const error = errorOf(() => address(inventory, '-oProxyCommand=id'))
    expect(error.message).toBe('the inventory has no host "-oProxyCommand=id"')
  })

  test('a play says how hosts are reached of which the inventory does not', () => {
    const reach = { transport: 'local', port: 7, user: 'play' } as const
    const address = createAddressOf({ environment })
    const silent = inventoryOf('all: {hosts: {x: }}')
    expect(address(silent, 'x', reach)).toMatchObject(reach)
    const vars = 'ansible_connection: ssh, ansible_port: 1, ansible_user: own'
    const own = { transport: 'ssh', port: 1, user: 'own' }
    expect(address(inventoryOf(`all: {hosts: {x: {${vars}}}}`), 'x', reach)).toMatchObject(own)
    expect(address(silent, 'localhost', { transport: 'ssh' }).transport).toBe('local')
  })

  test('-e beats the inventory', () => {
    const inventory = inventoryOf('all: {hosts: {x: {ansible_port: 1}}}')
    const extraVars = new Map([['ansible_port', literal('2200')]])
    expect(createAddressOf({ environment, extraVars })(inventory, 'x').port).toBe(2200)
  })

  test.each([
    ['p: 0, ansible_port: "{{ p }}"', 'ansible_port of "x" cannot be "0"'],
    [
      'h: "-oProxyCommand=id", ansible_host: "{{ h }}"',
      'ansible_host of "x" cannot be "-oProxyCommand=id"',
    ],
    ['u: "root -x", ansible_user: "{{ u }}"', 'ansible_user of "x" cannot be "root -x"'],
    ['c: docker, ansible_connection: "{{ c }}"', 'ansible_connection of "x" cannot be "docker"'],
  ])('%s is refused when it is rendered', (vars, message) => {
    expect(errorOf(() => addressOf(vars)).message).toBe(message)
  })
})
