import type { CliCommand } from '../command.ts'
import { replayCommand } from '../replay-command.ts'

export const abortCommand: CliCommand = {
  name: 'abort',
  register: replayCommand('abort'),
}
