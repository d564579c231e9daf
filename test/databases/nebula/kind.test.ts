import { describe, expect, test } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { clusterKinds } from '../../../src/databases/kinds.ts'
import { readInventory } from '../../../src/runbook/inventory/inventory.ts'
import { memoryFiles, testSecrets } from '../../runbook/support/memory-files.ts'

function inventory(...settings: readonly string[]) {
  const text = [
    'all:',
    '  hosts: { m1: {}, s1: {}, s2: {} }',
    'clusters:',
    '  graph:',
    '    kind: nebula',
    ...settings.map(line => `    ${line}`),
    '',
  ].join('\n')
  return readInventory({
    sources: ['/inv/hosts.yml'],
    kinds: clusterKinds,
    storageTypes: [],
    playbookDirectory: '/inv',
    files: memoryFiles({ '/inv/hosts.yml': text }),
    secrets: testSecrets({ NEBULA_PASSWORD: 'open sesame' }),
  })
}

const hosts = 'hosts: { metad: m1, storaged: "s*", graphd: m1 }'

describe('A cluster of kind nebula', () => {
  test('has roles, maps by host patterns and a password that is a secret', () => {
    const graph = inventory(
      hosts,
      'version: 3.8.0',
      'ports: { metad: 9560, graphd_http: 20000 }',
      'instances:',
      '  storaged:',
      '    "s*": [{ conf: etc/a.conf }]',
      '    s2: [{ address: "10.0.0.2:9879", data_dirs: [/d] }]',
      'address_map: { "storaged0:9779": "10.0.0.1:32000" }',
      'path_map: { "s1:s2": { /data: /var/lib/nebula } }',
      'service_manager: systemd',
      'units: { storaged: "nebula-storaged@1" }',
      'user: root',
      'password: { env: NEBULA_PASSWORD }',
      'create_timeout: 45m',
    ).clusters.get('graph')
    expect(graph?.roles).toEqual({ metad: ['m1'], storaged: ['s1', 's2'], graphd: ['m1'] })
    expect(graph?.settings).toMatchObject({
      instances: {
        storaged: {
          s1: [{ conf: 'etc/a.conf' }],
          s2: [{ conf: 'etc/a.conf' }, { address: '10.0.0.2:9879', data_dirs: ['/d'] }],
        },
      },
      path_map: { s1: [{ '/data': '/var/lib/nebula' }], s2: [{ '/data': '/var/lib/nebula' }] },
    })
    expect(graph?.settings['password']).toBeInstanceOf(Secret)
  })

  test.each([
    [['hosts: { meta: m1 }'], /has no role "meta"/],
    [[hosts, 'version: "1.2"'], /version/],
    [[hosts, 'install_dir: nebula'], /install_dir/],
    [[hosts, 'ports: { metad: 0 }'], /metad/],
    [[hosts, 'instances: { storaged: { m1x: [{}] } }'], /m1x/],
    [[hosts, 'instances: { storaged: { s1: [{ data_dirs: [d] }] } }'], /required form|data_dirs/],
    [[hosts, 'address_map: { a: b }'], /required form/],
    [[hosts, 'service_manager: upstart'], /service_manager/],
    [[hosts, 'service_user: "x; rm"'], /service_user/],
    [[hosts, 'nonsense: 1'], /nonsense/],
  ])('%j is refused where it is read', (settings, message) => {
    expect(() => inventory(...settings)).toThrow(message)
  })
})
