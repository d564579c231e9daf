import type { CliCommand } from '../command.ts'
import { abortCommand } from './abort.ts'
import { listCommand } from './list.ts'
import { modulesCommand } from './modules.ts'
import { owedCommand } from './owed.ts'
import { planCommand } from './plan.ts'
import { resumeCommand } from './resume.ts'
import { runCommand } from './run.ts'
import { runsCommand } from './runs.ts'
import { showCommand } from './show.ts'
import { undoCommand } from './undo.ts'
import { validateCommand } from './validate.ts'
import { verifyCommand } from './verify.ts'

/** Every command, in the order of the help. A new one is one file and one line here. */
export const commands: readonly CliCommand[] = [
  runCommand,
  planCommand,
  resumeCommand,
  abortCommand,
  undoCommand,
  runsCommand,
  owedCommand,
  validateCommand,
  modulesCommand,
  listCommand,
  showCommand,
  verifyCommand,
]
