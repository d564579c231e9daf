import type { TBoolean, TOptional, TUnsafe } from 'typebox'
import * as Type from 'typebox'
import { Secret } from '../../../base/secret.ts'
import { text } from '../../arguments.ts'

/** What a command is given to read. */
export interface WithStdin {
  readonly stdin?: string | Secret
  readonly stdin_add_newline?: boolean
}

/** Arguments that command and shell share: what is fed to standard input. */
export const stdinArguments: {
  readonly stdin: TOptional<TUnsafe<string | Secret>>
  readonly stdin_add_newline: TOptional<TBoolean>
} = {
  stdin: Type.Optional(text('Text for standard input.')),
  stdin_add_newline: Type.Optional(
    Type.Boolean({ default: true, description: 'End that text with a newline.' }),
  ),
}

/** What standard input is fed, if anything. */
export function stdinOf(args: WithStdin): Uint8Array | Secret | undefined {
  if (args.stdin === undefined) return undefined
  const end = args.stdin_add_newline === false ? '' : '\n'
  if (args.stdin instanceof Secret) return new Secret(args.stdin.reveal() + end)
  return new TextEncoder().encode(args.stdin + end)
}
