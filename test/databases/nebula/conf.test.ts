import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BkpError } from '../../../src/base/errors.ts'
import { listOf, parseConf } from '../../../src/databases/nebula/conf/parse-conf.ts'

const read = (text: string) => Object.fromEntries(parseConf(Buffer.from(text), 's1: /x.conf'))

describe('A configuration file of a daemon', () => {
  test('has a flag a line, comments, booleans, and the last of a name counts', () => {
    const text = `########## basics ##########
# --port=1
--daemonize=true
--pid_file=pids/nebula-storaged.pid
  --port = 9779
--port=9879
-v=0
--enable_ssl
--nolog_async
--empty=
--meta_server_addrs=192.168.8.1:9559,192.168.8.2:9559
--rocksdb_db_options={"stats_dump_period_sec":"200", "a":"b=c"}\r
`
    expect(read(text)).toEqual({
      daemonize: 'true',
      pid_file: 'pids/nebula-storaged.pid',
      port: '9879',
      v: '0',
      enable_ssl: 'true',
      log_async: 'false',
      empty: '',
      meta_server_addrs: '192.168.8.1:9559,192.168.8.2:9559',
      rocksdb_db_options: '{"stats_dump_period_sec":"200", "a":"b=c"}',
    })
  })

  test.each([
    ['--flagfile=/etc/more.conf', /line 1 names another file of flags/],
    ['\n--flagfile', /line 2 names another file/],
    ['--port=1\nnebula-storaged\n--port=2', /line 2 is no flag/],
    ['--=x', /line 1 is no flag/],
    ['--a\0=x', /is no text/],
  ])('%j is refused, and the message says where', (text, message) => {
    expect(() => read(text)).toThrow(message)
    expect(() => read(text)).toThrow(/^s1: \/x\.conf/)
  })

  test('of any bytes is read or refused, never a fault of ours', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        try {
          return parseConf(bytes, 'x') instanceof Map
        } catch (error) {
          return error instanceof BkpError
        }
      }),
    )
  })

  test('writes lists with commas', () => {
    expect(listOf('/data/a, /data/b,,')).toEqual(['/data/a', '/data/b'])
    expect(listOf(undefined)).toEqual([])
  })
})
