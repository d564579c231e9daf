import { describe, expect, test } from 'vitest'
import { createScope } from '../../../src/expression/scope.ts'
import { matchHosts } from '../../../src/runbook/inventory/patterns.ts'
import { inventoryOf } from '../support/inventory.ts'

// Inventories and results recorded from ansible-core 2.19.14 (ansible-diff scenarios 20, 21, 27).

const ranges = `
all:
  vars: {ansible_connection: local}
  children:
    num: {hosts: {"n[01:03].x": {v: 1}}}
    alpha: {hosts: {"p-[a:c]": }}
    stride: {hosts: {"s[0:6:3]": }}
    both: {hosts: {"r[1:2]-[a:b]": }}
    top: {children: {num: , alpha: }}
`

const precedence = {
  '/s/inventory.yml': `
all:
  vars: {v1: all, v2: all, v3: all, v4: all, v5: all, v6: all, v7: all, v8: all, v9: all}
  children:
    parent:
      vars: {v2: parent, v3: parent, v4: parent, v5: parent, v6: parent, v7: parent}
      children:
        child:
          vars: {trap: child-inline, v3: child, v4: child, v5: child, v6: child, v7: child}
          hosts:
            a: {v5: hostinv, v6: hostinv, v7: hostinv}
    g_aaa: {vars: {tie: aaa, prio: aaa}, hosts: {a: }}
    g_bbb: {vars: {tie: bbb, prio: bbb}, hosts: {a: }}
    g_000: {vars: {prio: zero, ansible_group_priority: 10}, hosts: {a: }}
`,
  '/s/group_vars/all.yml': 'v1: gv-all\nallfile: gv-all\ntrap: gv-all\n',
  '/s/group_vars/child.yml': 'v4: gv-child\nv5: gv-child\nallfile: gv-child\n',
  '/s/group_vars/parent/sub.yml': 'dirvar: gv-parent-dir\n',
  '/s/host_vars/a.yml': 'v6: hv-a\nv7: hv-a\nv8: hv-a\nv9: hv-a\n',
}

describe('what Ansible does', () => {
  test('ranges: zeros, letters, strides, two in one name', () => {
    const inventory = inventoryOf(ranges)
    const groups = new Map(
      [...inventory.hosts].map(([name, host]) => [name, host.groups.join('+')]),
    )
    expect([...groups]).toEqual([
      ['n01.x', 'num+top'],
      ['n02.x', 'num+top'],
      ['n03.x', 'num+top'],
      ['p-a', 'alpha+top'],
      ['p-b', 'alpha+top'],
      ['p-c', 'alpha+top'],
      ['s0', 'stride'],
      ['s3', 'stride'],
      ['s6', 'stride'],
      ['r1-a', 'both'],
      ['r1-b', 'both'],
      ['r2-a', 'both'],
      ['r2-b', 'both'],
    ])
    expect(matchHosts(inventory, 'all').hosts).toEqual([...groups.keys()])
    expect(createScope(inventory.hosts.get('n01.x')!.variables).get('v')).toBe(1)
  })

  test('precedence: groups by depth, name and priority, group_vars, host vars, host_vars', () => {
    const scope = createScope(inventoryOf(precedence).hosts.get('a')!.variables)
    expect(Object.fromEntries(scope.names().map(name => [name, scope.get(name)]))).toEqual({
      v1: 'gv-all',
      v2: 'parent',
      v3: 'child',
      v4: 'gv-child',
      v5: 'hostinv',
      v6: 'hv-a',
      v7: 'hv-a',
      v8: 'hv-a',
      v9: 'hv-a',
      allfile: 'gv-child',
      dirvar: 'gv-parent-dir',
      tie: 'bbb',
      prio: 'zero',
      trap: 'gv-all',
    })
  })

  test('group_vars beside the playbook beat those beside the inventory, level by level', () => {
    const files = {
      ...precedence,
      '/play/group_vars/all.yml': 'v1: pb-all\nv2: pb-all\ntrap: pb-all\n',
      '/play/group_vars/parent.yml': 'dirvar: pb-parent\n',
      '/play/host_vars/a.yml': 'v9: pb-host\n',
    }
    const inventory = inventoryOf(files, { playbookDirectory: '/play' })
    const scope = createScope(inventory.hosts.get('a')!.variables)
    const names = ['v1', 'v2', 'trap', 'dirvar', 'v9', 'v8']
    expect(names.map(name => scope.get(name))).toEqual([
      'pb-all',
      'pb-all',
      'pb-all',
      'pb-parent',
      'pb-host',
      'hv-a',
    ])
  })

  test.each([
    ['all', 'z a x w1 e w2 q d1'],
    ['west', 'x w1 w2 q'],
    ['east:web', 'e a d1 w2 w1'],
  ])(
    "hosts of %s: a group's own before those of its children, level by level",
    (pattern, names) => {
      const inventory = inventoryOf(`
all:
  hosts: {z: , a: }
  children:
    west:
      hosts: {x: , w1: }
      children:
        web: {hosts: {w2: , w1: }}
        z9: {hosts: {q: }}
    east:
      hosts: {e: , a: }
      children: {edb: {hosts: {d1: }}}
`)
      expect(matchHosts(inventory, pattern).hosts.join(' ')).toBe(names)
    },
  )

  test('hosts keep the order they are written in', () => {
    const inventory = inventoryOf('all: {hosts: {m: , z: , a: , k: }}')
    expect(matchHosts(inventory, 'all').hosts).toEqual(['m', 'z', 'a', 'k'])
    expect(inventory.groups.get('ungrouped')).toEqual(['m', 'z', 'a', 'k'])
  })
})

describe('several sources', () => {
  test('a file of a later inventory beats one of an earlier, however deep the groups are', () => {
    const files = {
      '/a/hosts.yml': 'front: {children: {web: {hosts: {x: }}}}',
      '/b/hosts.yml': 'web: {hosts: {x: }}',
      '/a/group_vars/web.yml': 'v: the child, earlier\n',
      '/b/group_vars/front.yml': 'v: the parent, later\n',
    }
    const inventory = inventoryOf(files, { sources: ['/a/hosts.yml', '/b/hosts.yml'] })
    const scope = createScope(inventory.hosts.get('x')!.variables)
    expect(scope.get('v')).toBe('the parent, later')
  })

  test('a folder that is named again counts where it comes last', () => {
    const files = {
      '/a/1.yml': 'all: {hosts: {x: }}',
      '/a/2.yml': 'all: {hosts: {x: }}',
      '/b/1.yml': 'all: {hosts: {x: }}',
      '/a/host_vars/x': 'v: a\n',
      '/b/host_vars/x': 'v: b\n',
    }
    const inventory = inventoryOf(files, { sources: ['/a/1.yml', '/b/1.yml', '/a/2.yml'] })
    expect(createScope(inventory.hosts.get('x')!.variables).get('v')).toBe('a')
  })

  test('hosts of a list have no group: those that stand in all come first', () => {
    const files = { '/hosts.yml': 'all: {hosts: {x: }}' }
    const inventory = inventoryOf(files, { sources: ['y,', '/hosts.yml'] })
    expect(inventory.groups.get('all')).toEqual(['x', 'y'])
  })

  test('a file with a comma in its name is a file', () => {
    const files = { '/a,b.yml': 'all: {hosts: {x: }}' }
    expect(inventoryOf(files).groups.get('all')).toEqual(['x'])
  })
})

test('a port behind a name counts where the host is first met', () => {
  const inventory = inventoryOf('a: {hosts: {x: , "y:22": }}\nb: {hosts: {"x:2222": , "y:2222": }}')
  const port = (host: string) =>
    createScope(inventory.hosts.get(host)!.variables).get('ansible_port')
  expect([port('x'), port('y')]).toEqual([undefined, 22])
})

test('one name may stand for the map of hosts, or of children', () => {
  const inventory = inventoryOf('a: {hosts: x, children: b}\nb: {hosts: y}')
  expect(inventory.groups.get('a')).toEqual(['x', 'y'])
})

test('folders in group_vars are read, those whose name has an extension are not', () => {
  const inventory = inventoryOf({
    '/hosts.yml': 'all: {hosts: {x: }}',
    '/group_vars/all/more/1.yml': 'v: 1\n',
    '/group_vars/all/more.d/1.yml': 'w: 1\n',
  })
  expect(createScope(inventory.hosts.get('x')!.variables).names()).toEqual(['v'])
})

test('numbers of YAML 1.1; in JSON those of JSON', () => {
  const read = (file: string, text: string): unknown => {
    const inventory = inventoryOf({
      // The comma at the end is YAML alone.
      [file]: `{"all": {"hosts": {"x": {"v": ${text}${file.endsWith('.json') ? '' : ','}}}}}`,
    })
    return createScope(inventory.hosts.get('x')!.variables).get('v')
  }
  const json = '[1e3, 1.5e3, -0, 12]'
  expect(read('/hosts.json', json)).toEqual([1000, 1500, -0, 12])
  expect(read('/hosts.yml', json)).toEqual(['1e3', '1.5e3', 0, 12])
  const yaml = '[1_000, 0b101, -0x1F, 12:30:45, -1:30, 1:30.5, 1.5e+3, .5, 52:60]'
  expect(read('/hosts.yml', yaml)).toEqual([1000, 5, -31, 45045, -90, 90.5, 1500, 0.5, '52:60'])
})

test('a number that counts in sixties is told of', () => {
  const { warnings } = inventoryOf('all: {vars: {ports: 22:22}}')
  expect(warnings).toEqual([
    '/inv/hosts.yml:1:21: 22:22 is 1342 to Ansible, which counts in sixties; read so: quote it, if text is meant',
  ])
})
