import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { BkpError } from '../../src/base/errors.ts'
import { quietIo } from '../../src/base/io.ts'
import { Secret } from '../../src/base/secret.ts'
import type { Host } from '../../src/connection/contract.ts'
import { asyncStatus } from '../../src/modules/builtin/async-status.ts'
import { command } from '../../src/modules/builtin/command.ts'
import { script } from '../../src/modules/builtin/script.ts'
import { shell } from '../../src/modules/builtin/shell.ts'
import type { Detached } from '../../src/modules/contract.ts'
import { variablesOf } from '../contracts/module.ts'

/** A host, and an empty folder on it. */
export interface JobsFixture {
  readonly host: Host
  readonly folder: string
}

/** What becomes of steps that are left running on their host, with any shell. */
export function jobsContract(
  name: string,
  make: () => JobsFixture,
  options: { readonly patient?: boolean } = {},
): void {
  describe(`jobs: ${name}`, () => {
    const variables = () => ({
      ...variablesOf({ ansible_remote_tmp: make().folder }),
    })
    const start = (text: string, seconds = 60): Promise<Detached> =>
      detached(
        shell.detach?.(make().host, { args: { cmd: text }, seconds, ...variables() }, quietIo),
      )
    const status = async (jid: string, mode: 'status' | 'cleanup' = 'status') => {
      const { host } = make()
      const plan = { args: { jid, mode }, facts: {}, changes: [], ...variables() }
      return await (asyncStatus.apply?.(host, plan, quietIo) ??
        Promise.reject(new Error('no apply')))
    }
    const ended = async (jid: string) => {
      for (;;) {
        const now = await status(jid)
        if (now.finished) return now
        await systemClock.sleep(20)
      }
    }
    const failure = async (jid: string): Promise<BkpError> => {
      for (;;) {
        try {
          const { finished } = await status(jid)
          if (finished) throw new Error('it ended well')
          await systemClock.sleep(20)
        } catch (thrown) {
          if (thrown instanceof BkpError) return thrown
          throw thrown
        }
      }
    }
    const at = (file: string) => join(make().folder, file)
    const jobFolder = ({ results_file: file }: Detached) => file.replace(/\/end$/, '')

    it('run on by themselves, and tell how they went once they have ended', async () => {
      const go = at('go')
      rmSync(go, { force: true })
      const job = await start(`echo out; echo err >&2; while [ ! -e ${go} ]; do sleep 0.02; done`)
      expect(job).toMatchObject({ started: true, finished: false })
      expect(await status(job.ansible_job_id)).toMatchObject({ started: true, finished: false })
      expect(await status(job.ansible_job_id)).not.toHaveProperty('rc')
      writeFileSync(go, '')
      const over = await ended(job.ansible_job_id)
      expect(over).toMatchObject({
        ansible_job_id: job.ansible_job_id,
        results_file: job.results_file,
        rc: 0,
        stdout: 'out',
        stdout_lines: ['out'],
        stderr: 'err',
        cmd: expect.stringContaining('echo out'),
        msg: '',
        truncated: false,
      })
      expect(over.start).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
      expect(asyncStatus.changed?.({ args: { jid: 'x' }, facts: {}, result: over })).toBe(true)
    })

    it('fail with their whole result', async () => {
      const job = await start('echo out; exit 3')
      const error = await failure(job.ansible_job_id)
      expect(error.code).toBe('command.failed')
      expect(error.details).toMatchObject({
        exit_status: 3,
        result: {
          rc: 3,
          stdout: 'out',
          finished: true,
          started: true,
          msg: 'non-zero return code',
        },
      })
    })

    const title = options.patient ? ', and where they do not mind it' : ''
    it(`are ended when their time is over, with what they began${title}`, async () => {
      const trap = options.patient ? 'trap "" TERM; ' : ''
      const job = await start(`${trap}sleep 300 & echo $! >${at('child')}; sleep 300; :`, 1)
      const error = await failure(job.ansible_job_id)
      expect([error.code, error.message]).toEqual([
        'step.timeout',
        'the job took longer than its 1 s',
      ])
      expect(error.details).toMatchObject({ result: { finished: true, rc: expect.any(Number) } })
      const child = readFileSync(at('child'), 'utf8').trim()
      expect(isThere(Number(child))).toBe(false)
    }, 20_000)

    it('are told of as cut off where nobody can tell how they ended', async () => {
      const job = await start('sleep 300')
      const folder = jobFolder(job)
      const runner = Number(readFileSync(join(folder, 'pid'), 'utf8'))
      endAllBelow(runner)
      const error = await failure(job.ansible_job_id)
      expect(error.message).toContain('cut off')
      expect(error.details).toMatchObject({ result: { finished: true } })
    })

    it('leave files for nobody else, and no secret once they have begun', async () => {
      const { host } = make()
      const input = { args: { cmd: 'cat; sleep 300', stdin: new Secret('hunter4-xyzzy') } }
      const job = await detached(
        shell.detach?.(host, { ...input, seconds: 60, ...variables() }, quietIo),
      )
      const folder = jobFolder(job)
      expect(statSync(folder).mode & 0o777).toBe(0o700)
      while (existsSync(join(folder, 'in'))) await systemClock.sleep(5)
      for (const file of readdirSync(folder)) {
        expect(statSync(join(folder, file)).mode & 0o077, file).toBe(0)
        if (file !== 'out')
          expect(readFileSync(join(folder, file), 'latin1')).not.toContain('hunter4')
      }
      endAllBelow(Number(readFileSync(join(folder, 'pid'), 'utf8')))
    })

    it('take words, folders and scripts as the step that is waited for does', async () => {
      const { host } = make()
      mkdirSync(at('there'), { recursive: true })
      const words = { argv: ['sh', '-c', 'pwd; echo "$1"', 'sh', "it's $x"], chdir: at('there') }
      const how = { seconds: 60, ...variables() }
      const job = await detached(command.detach?.(host, { args: words, ...how }, quietIo))
      expect((await ended(job.ansible_job_id)).stdout).toBe(`${at('there')}\nit's $x`)
      const local = [{ path: 'a.sh', bytes: Buffer.from('echo "script $1"') }]
      const args = { cmd: 'a.sh word' }
      const sent = await detached(script.detach?.(host, { args, local, ...how }, quietIo))
      expect(await ended(sent.ansible_job_id)).toMatchObject({
        stdout: 'script word',
        cmd: 'a.sh word',
      })
    })

    it('are jobs where there was nothing to run, too, and then change nothing', async () => {
      const { host } = make()
      const unrun = 'not run, since /x exists'
      const how = { args: { cmd: 'exit 9' }, seconds: 60, unrun, ...variables() }
      const job = await detached(shell.detach?.(host, how, quietIo))
      const over = await ended(job.ansible_job_id)
      expect(over).toMatchObject({ rc: 0, msg: unrun, cmd: 'exit 9' })
      expect(asyncStatus.changed?.({ args: { jid: 'x' }, facts: {}, result: over })).toBe(false)
    })

    it('are unknown once they are cleaned up', async () => {
      const job = await start('true')
      await ended(job.ansible_job_id)
      expect(await status(job.ansible_job_id, 'cleanup')).toEqual({
        started: true,
        finished: true,
        ansible_job_id: job.ansible_job_id,
        erased: jobFolder(job),
      })
      const error = await failure(job.ansible_job_id)
      expect(error.message).toBe(`could not find job ${job.ansible_job_id}`)
      expect(error.details).toMatchObject({ result: { started: true, finished: true } })
    })

    it('refuse a folder that is none', async () => {
      const { host } = make()
      const none = variablesOf({ ansible_remote_tmp: 'relative' })
      const job = detached(
        shell.detach?.(host, { args: { cmd: 'true' }, seconds: 1, ...none }, quietIo),
      )
      await expect(job).rejects.toMatchObject({
        details: { stderr: 'the folder for jobs is no absolute path: relative' },
      })
    })
  })
}

function detached(job: Promise<Detached> | undefined): Promise<Detached> {
  return job ?? Promise.reject(new Error('it cannot be detached'))
}

function isThere(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** Ends a process at once, and all that it began: those of its session, and their children's. */
function endAllBelow(pid: number): void {
  const children = readdirSync('/proc').filter(name => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      return Number(/\) \S+ (\d+)/.exec(stat.slice(stat.lastIndexOf(')')))?.[1]) === pid
    } catch {
      return false
    }
  })
  if (pid > 1) process.kill(pid, 'SIGKILL')
  for (const child of children) endAllBelow(Number(child))
}
