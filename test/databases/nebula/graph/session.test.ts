import { duplexPair } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../../src/base/clock.ts'
import { quietIo } from '../../../../src/base/io.ts'
import { Secret } from '../../../../src/base/secret.ts'
import { openSession } from '../../../../src/databases/nebula/graph/session.ts'
import {
  createSnapshotStatement,
  showJobs,
  showStats,
} from '../../../../src/databases/nebula/graph/statements.ts'
import { type FakeGraphd, fakeGraphd, nothing, type Said } from './fake-graphd.ts'

const sessionWith = (graphd: Pick<FakeGraphd, 'connect'>, password = 'nebula') =>
  openSession(
    {
      address: '10.0.0.1:9669',
      user: 'root',
      password: new Secret(password),
      clock: systemClock,
      connect: graphd.connect,
    },
    quietIo,
  )

const table: Said = { columns: ['Name'], rows: [['nba']] }
const lost = { code: -1002, message: 'Invalid session id' }

describe('a session with graphd', () => {
  it('chooses the space once for several statements, and signs out', async () => {
    const graphd = fakeGraphd(text => (text.startsWith('USE') ? nothing : table))
    const session = await sessionWith(graphd)
    const answer = await session.read(showStats, quietIo, { space: 'nba' })
    await session.read(showJobs, quietIo, { space: 'nba' })
    await session.close()
    expect(answer).toEqual({ columns: ['Name'], rows: [['nba']] })
    expect(graphd.asked).toEqual([
      'authenticate root',
      'execute 1 USE `nba`',
      'execute 1 SHOW STATS',
      'execute 1 SHOW JOBS',
      'signout 1',
    ])
  })

  it('signs in once more for a statement that reads, and chooses the space again', async () => {
    const graphd = fakeGraphd((text, session) =>
      text.startsWith('USE') ? nothing : session === 1n ? lost : table,
    )
    const session = await sessionWith(graphd)
    expect(await session.read(showStats, quietIo, { space: 'nba' })).toMatchObject({
      rows: [['nba']],
    })
    expect(graphd.asked).toEqual([
      'authenticate root',
      'execute 1 USE `nba`',
      'execute 1 SHOW STATS',
      'authenticate root',
      'execute 2 USE `nba`',
      'execute 2 SHOW STATS',
    ])
    await session.close()
  })

  it('gives up when the new session is lost, too', async () => {
    const graphd = fakeGraphd(() => lost)
    const session = await sessionWith(graphd)
    await expect(session.read(showStats, quietIo)).rejects.toMatchObject({ code: 'nebula.refused' })
    expect(graphd.asked.filter(asked => asked.startsWith('execute'))).toHaveLength(2)
    await session.close()
  })

  it('sends a statement that writes once, whatever becomes of it', async () => {
    const refusing = fakeGraphd(() => lost)
    const session = await sessionWith(refusing)
    await expect(session.execute(createSnapshotStatement, quietIo)).rejects.toMatchObject({
      code: 'nebula.refused',
    })
    expect(refusing.asked.filter(asked => asked.startsWith('execute'))).toHaveLength(1)
    await session.close()

    const breaking = fakeGraphd(() => 'breaks off')
    const second = await sessionWith(breaking)
    await expect(second.execute(createSnapshotStatement, quietIo)).rejects.toMatchObject({
      code: 'nebula.outcome_unknown',
    })
    expect(breaking.asked.filter(asked => asked.startsWith('execute'))).toHaveLength(1)
    await second.close()
  })

  it('says what graphd refused and what to do, and never the password', async () => {
    const graphd = fakeGraphd(() => ({ code: -1008, message: 'No permission to show \u001b[31m' }))
    const wrong = sessionWith(graphd, 'wrong-password')
    await expect(wrong).rejects.toMatchObject({
      code: 'nebula.refused',
      message: 'graphd 10.0.0.1:9669 refused user root (E_BAD_USERNAME_PASSWORD): Invalid password',
      hint: expect.stringContaining('user and password'),
    })
    const session = await sessionWith(graphd)
    await expect(session.execute(createSnapshotStatement, quietIo)).rejects.toMatchObject({
      code: 'nebula.refused',
      message: expect.stringMatching(/E_BAD_PERMISSION\): No permission to show \\u\{1b\}\[31m$/),
      hint: expect.stringContaining('GOD'),
    })
    await session.close()
  })

  it('tells a space that is not there from other faults', async () => {
    const graphd = fakeGraphd(() => ({ code: -1005, message: 'SpaceNotFound: SpaceName `nba`' }))
    const session = await sessionWith(graphd)
    await expect(session.read(showStats, quietIo, { space: 'nba' })).rejects.toMatchObject({
      code: 'nebula.space_not_found',
    })
    await session.close()
  })

  it.each([
    ['HTTP/1.1 400 Bad Request\r\n\r\n', /HTTP/],
    ['\u0015\u0003\u0003\u0000\u0002\u0002\u0028', /TLS/],
  ])('recognizes a wrong port by %j', async (greeting, says) => {
    const connect = async () => {
      const [ours, theirs] = duplexPair()
      ours.on('data', () => ours.end(Buffer.from(greeting, 'latin1')))
      return theirs
    }
    await expect(sessionWith({ connect })).rejects.toMatchObject({
      code: 'nebula.protocol',
      message: expect.stringMatching(says),
    })
  })
})
