import { type TBoolean, type TOptional, type TString, Type } from 'typebox'

/** What a command is given to read. */
export interface WithStdin {
  readonly stdin?: string
  readonly stdin_add_newline?: boolean
}

/** Arguments that command and shell share: what is fed to standard input. */
export const stdinArguments: {
  readonly stdin: TOptional<TString>
  readonly stdin_add_newline: TOptional<TBoolean>
} = {
  stdin: Type.Optional(Type.String({ description: 'Text for standard input.' })),
  stdin_add_newline: Type.Optional(
    Type.Boolean({ default: true, description: 'End that text with a newline.' }),
  ),
}

/** The bytes for standard input, if there are any. */
export function stdinBytes(args: WithStdin): Uint8Array | undefined {
  if (args.stdin === undefined) return undefined
  return new TextEncoder().encode(
    args.stdin_add_newline === false ? args.stdin : `${args.stdin}\n`,
  )
}
