import type { CliCommand } from '../command.ts'
import { replayCommand } from '../replay-command.ts'

export const resumeCommand: CliCommand = {
  name: 'resume',
  register: replayCommand('resume'),
}
