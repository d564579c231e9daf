import { posix } from 'node:path'
import type { TOptional, TString } from 'typebox'
import * as Type from 'typebox'
import { type RandomBytes, systemRandom } from '../../../base/clock.ts'
import { BkpError } from '../../../base/errors.ts'
import type { Io } from '../../../base/io.ts'
import type { Host } from '../../../connection/contract.ts'
import { describeExit, stderrTail } from '../../apply-commands.ts'
import { displayCommand } from '../../command-line.ts'
import { randomName } from '../files/random-name.ts'
import { splitWords } from '../running/split-words.ts'

/** The argument that modules share which write a whole file. */
export const validateArgument: { readonly validate: TOptional<TString> } = {
  validate: Type.Optional(
    Type.String({
      pattern: '%s',
      description:
        'A command, without a shell, that must succeed before the file is put in place; %s stands for ' +
        'a file beside it that holds the new content.',
    }),
  ),
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/**
 * Lets a command of the host judge content before it is put in place; what it judged is removed again.
 * @throws step.failed when it refuses, file.unwritable, ssh.*
 */
export async function validateContent(
  host: Host,
  path: string,
  content: { readonly bytes: Uint8Array; readonly validate: string | undefined },
  io: Io,
  random: RandomBytes = systemRandom,
): Promise<void> {
  if (content.validate === undefined) return
  const name = `.bkp-validate.${randomName(random)}`
  const place = posix.join(posix.dirname(path), name)
  const argv = splitWords(content.validate).map(word => word.replaceAll('%s', place))
  try {
    await host.write(place, once(content.bytes), { mode: '0600' }, io)
    const exit = await host.run({ argv }, io)
    if (exit.code === 0) return
    throw new BkpError('step.failed', `validate refuses the new ${path}: ${describeExit(exit)}`, {
      hint: 'the file was left as it was; standard error of the command says why',
      details: {
        command: displayCommand({ argv }),
        ...(exit.code === undefined ? {} : { exit_status: exit.code }),
        stderr: stderrTail(exit),
      },
    })
  } finally {
    const quiet = { ...io, signal: new AbortController().signal }
    await host.run({ argv: ['rm', '-f', '--', place] }, quiet).catch(() => {})
  }
}
