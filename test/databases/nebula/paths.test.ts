import { expect, test } from 'vitest'
import { toHostPath, toServicePath } from '../../../src/databases/nebula/paths.ts'

const settings = {
  path_map: {
    s1: [
      { '/data': '/var/lib/nebula/s1', '/data/fast': '/mnt/ssd/' },
      { '/': '/var/lib/docker/root' },
    ],
    s2: { '/data': '/srv' },
  },
}

test.each([
  ['s1', '/data/nebula/1', '/var/lib/nebula/s1/nebula/1'],
  ['s1', '/data', '/var/lib/nebula/s1'],
  ['s1', '/data/fast/nebula', '/mnt/ssd/nebula'],
  ['s1', '/database', '/var/lib/docker/root/database'],
  ['s2', '/data/nebula', '/srv/nebula'],
  ['s2', '/etc/x', '/etc/x'],
  ['s3', '/data', '/data'],
])('on %s services say %s for what the host calls %s', (host, service, path) => {
  expect(toHostPath(settings, host, service)).toBe(path)
  expect(toServicePath(settings, host, path)).toBe(service)
})

test('without a map paths are the same', () => {
  expect(toHostPath({}, 's1', '/data')).toBe('/data')
  expect(toServicePath({}, 's1', '/data')).toBe('/data')
})
