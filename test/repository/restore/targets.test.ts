import { describe, expect, it } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import {
  chooseTargets,
  type ManifestRoot,
  type TargetRequest,
} from '../../../src/repository/restore/targets.ts'

const root = (host: string, path: string | Uint8Array): ManifestRoot => ({
  host,
  root: Buffer.from(path as string),
})

function choose(
  roots: readonly ManifestRoot[],
  request: Partial<TargetRequest> = {},
): readonly string[] {
  const targets = chooseTargets(roots, {
    hostMap: {},
    pathMap: {},
    paths: [],
    hosts: ['a', 'b'],
    allowMissing: [],
    ...request,
  })
  return targets.map(
    ({ fromHost, subtree, host, target }) =>
      `${fromHost}:${Buffer.from(subtree).toString()} ${host}:${target}`,
  )
}

function faultsOf(run: () => unknown): readonly string[] {
  try {
    run()
  } catch (error) {
    if (!(error instanceof BkpError)) throw error
    return (error.faults.length > 0 ? error.faults : [error]).map(
      fault => `${fault.code}: ${fault.message}`,
    )
  }
  throw new Error('nothing was refused')
}

describe('what goes where', () => {
  it('takes each root back to where it was', () => {
    expect(choose([root('a', '/data/x'), root('b', '/data/x')])).toEqual([
      'a:/data/x a:/data/x',
      'b:/data/x b:/data/x',
    ])
  })

  it('follows host_map and path_map, the longest match first', () => {
    const moved = choose([root('old', '/data/x'), root('old', '/data/y/z')], {
      hostMap: { old: 'a' },
      pathMap: { '/data': '/restored', '/data/y/': '/other/' },
    })
    expect(moved).toEqual(['old:/data/x a:/restored/x', 'old:/data/y/z a:/other/z'])
  })

  it('takes a relative root where path_map says, by its name or by "."', () => {
    expect(choose([root('a', 'db/one')], { pathMap: { db: '/srv' } })).toEqual([
      'a:db/one a:/srv/one',
    ])
    expect(choose([root('a', 'db'), root('a', '/abs')], { pathMap: { '.': '/srv' } })).toEqual([
      'a:db a:/srv/db',
      'a:/abs a:/abs',
    ])
  })

  it('refuses a relative root without one, by name', () => {
    expect(faultsOf(() => choose([root('a', 'db')]))).toEqual([
      'restore.target_invalid: "db" was backed up under a relative name: it has no place of its own',
    ])
  })

  it('restores parts: roots below a path, and parts of a root', () => {
    const roots = [root('a', '/data/x'), root('a', '/data/y'), root('a', '/etc/db')]
    expect(choose(roots, { paths: ['/data'] })).toEqual([
      'a:/data/x a:/data/x',
      'a:/data/y a:/data/y',
    ])
    expect(choose(roots, { paths: ['/data/x/sub/', '/data/x/sub/deeper', '/data/x/sub'] })).toEqual(
      ['a:/data/x/sub a:/data/x/sub'],
    )
  })

  it('says of a path that the backup does not hold', () => {
    expect(faultsOf(() => choose([root('a', '/data/x')], { paths: ['/data/xx'] }))).toEqual([
      'restore.target_invalid: paths: the backup holds nothing at "/data/xx"',
    ])
  })

  it.each(['relative', '/a/../b', '/a//b', '/a/.', '', '/\0'])('refuses the target %j', to => {
    expect(faultsOf(() => choose([root('a', '/data')], { pathMap: { '/data': to } }))[0]).toContain(
      `path_map: "${to}", the target of "/data",`,
    )
  })

  it('never replaces the root folder', () => {
    expect(faultsOf(() => choose([root('a', '/')]))[0]).toContain('would replace "/"')
    expect(faultsOf(() => choose([root('a', '/x')], { pathMap: { '/x': '/' } }))[0]).toContain(
      'would replace "/"',
    )
  })

  it('refuses targets that overlap on one host, also from two hosts', () => {
    expect(
      faultsOf(() => choose([root('a', '/x'), root('b', '/x')], { hostMap: { b: 'a' } })),
    ).toEqual(['restore.target_invalid: a: "/x" and "/x" overlap'])
    expect(
      faultsOf(() =>
        choose([root('a', '/x'), root('a', '/y')], { pathMap: { '/y': '/x/inside' } }),
      )[0],
    ).toContain('overlap')
    expect(choose([root('a', '/x'), root('a', '/x-2')])).toHaveLength(2)
  })

  it('refuses maps that match nothing, and one into a tree that moves as a whole', () => {
    expect(faultsOf(() => choose([root('a', '/x')], { pathMap: { '/y': '/z' } }))).toEqual([
      'restore.target_invalid: path_map: nothing of the backup lies at "/y"',
    ])
    expect(faultsOf(() => choose([root('a', '/x')], { pathMap: { '/x/y': '/z' } }))[0]).toContain(
      'lies inside /x',
    )
    expect(faultsOf(() => choose([root('a', '/x')], { hostMap: { nobody: 'a' } }))[0]).toContain(
      'holds no host "nobody"',
    )
  })

  it('wants every host of the backup, unless it may be missing', () => {
    expect(faultsOf(() => choose([root('a', '/x'), root('c', '/x')]))).toEqual([
      'cluster.hosts_missing: host "c" does not take part in this restore',
    ])
    expect(choose([root('a', '/x'), root('c', '/x')], { allowMissing: ['c'] })).toEqual([
      'a:/x a:/x',
    ])
  })

  it('refuses a root whose name is not UTF-8', () => {
    expect(faultsOf(() => choose([root('a', Buffer.from([0x2f, 0xff]))]))[0]).toContain('not UTF-8')
  })

  it('names all faults at once', () => {
    const faults = faultsOf(() =>
      choose([root('a', 'db'), root('c', '/x')], { hostMap: { z: 'a' }, pathMap: { '/q': '/r' } }),
    )
    expect(faults).toHaveLength(4)
  })
})
