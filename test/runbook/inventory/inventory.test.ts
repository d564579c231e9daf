import { describe, expect, test } from 'vitest'
import { Secret } from '../../../src/base/secret.ts'
import { createScope } from '../../../src/expression/scope.ts'
import { exposedClusters, exposedStorages } from '../../../src/runbook/inventory/exposed.ts'
import { errorOf, faultsOf, shown } from '../support/errors.ts'
import { inventoryOf } from '../support/inventory.ts'
import { testSecrets } from '../support/memory-files.ts'

function variables(inventory: ReturnType<typeof inventoryOf>, host: string) {
  const scope = createScope(inventory.hosts.get(host)!.variables)
  return Object.fromEntries(scope.names().map(name => [name, scope.get(name)]))
}

describe('sources', () => {
  test('several are merged in order, later ones win', () => {
    const files = {
      '/a.yml': 'all: {hosts: {x: {v: 1, w: 1}}, vars: {g: 1}}',
      '/b.yml': 'all: {hosts: {y: , x: {v: 2}}, vars: {g: 2}}',
    }
    const inventory = inventoryOf(files, { sources: ['/a.yml', '/b.yml'] })
    expect(inventory.groups.get('all')).toEqual(['x', 'y'])
    expect(variables(inventory, 'x')).toEqual({ g: 2, v: 2, w: 1 })
  })

  test('a directory is read in alphabetical order, without vars folders and other files', () => {
    const files = {
      '/inv/2.yml': 'all: {hosts: {x: {v: 2}}}',
      '/inv/1.yaml': 'all: {hosts: {x: {v: 1}, y: }}',
      '/inv/sub/3': 'all: {hosts: {z: }}',
      '/inv/group_vars/all': 'g: yes\n',
      '/inv/notes.txt': 'not: [yaml',
    }
    const inventory = inventoryOf(files, { sources: ['/inv'] })
    expect(inventory.groups.get('all')).toEqual(['x', 'y', 'z'])
    expect(variables(inventory, 'x')).toEqual({ g: true, v: 2 })
    expect(inventory.warnings).toEqual(['/inv/notes.txt is no YAML file: it is left out'])
    expect(inventory.documents.map(({ path }) => path)).toContain('/inv/group_vars/all')
  })

  test('hosts are listed inline with a comma', () => {
    const inventory = inventoryOf({}, { sources: ['b,a[1:2]:2222,'] })
    expect(inventory.groups.get('all')).toEqual(['b', 'a1', 'a2'])
    expect(variables(inventory, 'a2')).toEqual({ ansible_port: 2222 })
  })

  test('a source that is not there is an error of usage', () => {
    const error = errorOf(() => inventoryOf({}, { sources: ['/nope.yml'] }))
    expect([error.code, error.exit]).toEqual(['usage.file_missing', 5])
  })

  test.each([
    ['', 'the inventory is empty'],
    ['- a\n', 'an inventory must be a map, not a list'],
  ])('%j is no inventory', (text, message) => {
    expect(errorOf(() => inventoryOf(text)).message).toBe(message)
  })

  test('an INI inventory is told how to become YAML', () => {
    const error = errorOf(() => inventoryOf('[web]\n'))
    expect(error.hint).toBe(
      'INI inventories are not read: ansible-inventory --list --yaml converts them',
    )
  })
})

describe('values', () => {
  test('words of YAML 1.1 are booleans as Ansible reads them, quoted ones are text', () => {
    const inventory = inventoryOf(
      'all: {hosts: {x: {a: yes, b: off, c: "yes", d: y, e: 2024-01-01, f: 0644, g: 0o17, h: 1e3}}}',
    )
    expect(variables(inventory, 'x')).toEqual({
      a: true,
      b: false,
      c: 'yes',
      d: 'y',
      e: '2024-01-01',
      f: '0644',
      g: '0o17',
      h: '1e3',
    })
    expect(inventory.warnings).toEqual([
      '/inv/hosts.yml:1:69: 0644 is octal to Ansible and decimal to YAML 1.2; read as text: quote it',
    ])
  })

  test('Jinja is told in CEL, and expressions are read where they are used', () => {
    expect(faultsOf(() => inventoryOf('all: {vars: {v: "{{ x | default(y) }}"}}'))).toEqual([
      '1:23 "|" is not expected here (write default(x, y))',
    ])
    const inventory = inventoryOf('all: {hosts: {x: {a: "{{ b }}-{{ c }}", b: 1}}, vars: {c: 2}}')
    expect(variables(inventory, 'x')['a']).toBe('1-2')
  })
})

describe('faults', () => {
  test('all of a file, in order', () => {
    const text = `
all:
  host: {}
  hosts:
    -oProxyCommand=id: {}
    ok: {ansible_port: 65536, ansible_user: "root -x"}
    "b[3:1]": {}
    "c[01:3]": {}
    "d d": {}
  children:
    g1: {children: {g2: }}
    g2: {children: {g1: }}
    g3: {children: {g3: }}
    storages: {}
    bad: [a]
`
    expect(faultsOf(() => inventoryOf(text))).toEqual([
      '3:3 unknown key "host" of the group "all" (did you mean "hosts"?)',
      '5:5 "-oProxyCommand=id" cannot be the name of a host (use letters, digits and . _ - : % +, and no - first)',
      '6:24 "ansible_port" cannot be "65536" (write a number from 1 to 65535)',
      '6:45 "ansible_user" cannot be "root -x" (write the name of a user)',
      '7:5 the range of "b[3:1]" runs backwards',
      '8:5 both ends of the range in "c[01:3]" must have the same number of digits',
      '9:5 "d d" cannot be the name of a host (use letters, digits and . _ - : % +, and no - first)',
      '12:21 the groups "g2" and "g1" contain each other (remove one of the two)',
      '13:21 the group "g3" is its own child (remove one of the two)',
      '14:5 no group may be called "storages" (the name is reserved: rename it)',
      '15:10 the group "bad" must be a map, not a list',
    ])
  })

  test.each(['0', '65536', '"22 "', '-1', '22.5', 'abc'])('port %s', port => {
    expect(
      errorOf(() => inventoryOf(`all: {hosts: {x: {ansible_port: ${port}}}}`)).message,
    ).toMatch(/^"ansible_port" cannot be/)
  })

  test.each(['x:0', 'x:65536', '"a\\nb"', '"a\\eb"', '../x', 'a/b', '"a[1:200001]"'])(
    'host %s',
    host => {
      expect(errorOf(() => inventoryOf(`all: {hosts: {${host}: {}}}`)).code).toBe(
        'inventory.invalid',
      )
    },
  )

  test('an IPv6 address with a zone is a host', () => {
    const inventory = inventoryOf('all: {hosts: {"fe80::1%eth0": , "[fe80::2]:2222": }}')
    expect([...inventory.hosts.keys()]).toEqual(['fe80::1%eth0', 'fe80::2'])
  })

  test('a newline in a name cannot fake a line of output', () => {
    const text = shown(() => inventoryOf('all: {hosts: {"a\\nerror: b": {}}}'))
    expect(text.split('\n')[0]).toBe(
      'error[inventory.invalid]: "a\\nerror: b" cannot be the name of a host',
    )
  })
})

describe('clusters and storages', () => {
  const text = `
all: {children: {data: {hosts: {"d[1:3]": }}, query: {hosts: {q1: }}}}
clusters:
  graph:
    kind: files
    hosts: {store: data, serve: ["q1", "d1"]}
    paths: {"d1:d2": [/srv/a], "data": [{path: /srv/b, as: b}]}
storages:
  local: {type: file, path: ../backups}
  remote: {type: vault, url: x, credentials: {token: {env: TOKEN}}}
`
  test('patterns become hosts, paths are relative to the inventory, secrets are read', () => {
    const secrets = testSecrets({ TOKEN: 's3cret' })
    const inventory = inventoryOf(text, { secrets })
    const graph = inventory.clusters.get('graph')
    expect(graph?.hosts).toEqual(['d1', 'd2', 'd3', 'q1'])
    expect(graph?.roles).toEqual({ store: ['d1', 'd2', 'd3'], serve: ['d1', 'q1'] })
    expect(graph?.settings['paths']).toEqual({
      d1: ['/srv/a', { path: '/srv/b', as: 'b' }],
      d2: ['/srv/a', { path: '/srv/b', as: 'b' }],
      d3: [{ path: '/srv/b', as: 'b' }],
    })
    expect(inventory.storages.get('local')?.settings).toEqual({ path: '/backups' })
    const settings = inventory.storages.get('remote')!.settings
    const { token } = settings['credentials'] as { readonly token: Secret }
    expect(token).toBeInstanceOf(Secret)
    expect(token.reveal()).toBe('s3cret')
    expect(secrets.registered.map(secret => secret.reveal())).toEqual(['s3cret'])
  })

  test('expressions see no secrets', () => {
    const inventory = inventoryOf(text, { secrets: testSecrets({ TOKEN: 's3cret' }) })
    expect(exposedStorages(inventory)).toEqual({
      local: { name: 'local', type: 'file', settings: { path: '/backups' } },
      remote: { name: 'remote', type: 'vault', settings: { url: 'x' } },
    })
    expect(exposedClusters(inventory)['graph']).toMatchObject({ kind: 'files', name: 'graph' })
  })

  test('faults have places and the nearest name', () => {
    const faulty = `
all: {hosts: {d1: , graph: }, children: {data: {hosts: {d2: }}}}
clusters:
  graph: {kind: files, hosts: d1}
  data: {kind: files, hosts: d1}
  a: {kind: fils, hosts: d1}
  b: {kind: files, hosts: d9, paths: [rel], identty: inode}
  c: {kind: files}
storages:
  s: {type: fle, path: x}
  t: {type: file}
  u: {type: vault, credentials: {token: {env: MISSING}}}
  v: {type: vault, credentials: {token: {file: gone}}}
  w: {type: vault, credentials: {token: {command: x}}}
`
    expect(faultsOf(() => inventoryOf(faulty))).toEqual([
      '4:3 the cluster "graph" has the name of a host (a cluster is a host pattern, too: rename one of them)',
      '5:3 the cluster "data" has the name of a group (a cluster is a host pattern, too: rename one of them)',
      '6:13 "kind" must be one of: files (did you mean "files"?)',
      '7:27 "d9" matches no host, group or cluster: did you mean "d1"?',
      '7:39 item 1 of "paths" does not have the required form (An absolute path on the host.)',
      '7:45 unknown setting "identty" of cluster "b" (did you mean "identity"?)',
      '8:3 missing setting "hosts" of cluster "c"',
      '10:13 "type" must be one of: file, vault (did you mean "file"?)',
      '11:3 missing setting "path" of storage "t"',
      '12:47 the environment variable MISSING is not set (export MISSING=...)',
      '13:48 the secret file /inv/gone cannot be read (ENOENT) (check the path)',
      '14:51 the command ended with status 1 (run it by hand)',
    ])
  })

  test('credentials are masked in the line that is shown', () => {
    const text_ = shown(() =>
      inventoryOf('all: {vars: {ansible_password: hunter2, ansible_port: 0, token: "t0ken"}}'),
    )
    expect(text_).not.toMatch(/hunter2|t0ken/)
    expect(text_).toContain('•••')
  })

  test('passwords of variables are registered and hidden', () => {
    const secrets = testSecrets({ PW: 'env-pw' })
    const inventory = inventoryOf(
      'all: {hosts: {x: {ansible_password: hunter2, db_password: {env: PW}, token: plain-token}}}',
      { secrets },
    )
    expect(secrets.registered.map(secret => secret.reveal()).sort()).toEqual(
      ['env-pw', 'hunter2', 'hunter2', 'plain-token'].sort(),
    )
    expect(variables(inventory, 'x')['ansible_password']).toBeInstanceOf(Secret)
    expect(variables(inventory, 'x')['db_password']).toBeInstanceOf(Secret)
  })
})
