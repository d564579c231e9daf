import type { CliCommand } from '../command.ts'
import { listCommand } from './list.ts'
import { modulesCommand } from './modules.ts'
import { planCommand } from './plan.ts'
import { runCommand } from './run.ts'
import { showCommand } from './show.ts'
import { validateCommand } from './validate.ts'
import { verifyCommand } from './verify.ts'

/** Every command, in the order of the help. A new one is one file and one line here. */
export const commands: readonly CliCommand[] = [
  runCommand,
  planCommand,
  validateCommand,
  modulesCommand,
  listCommand,
  showCommand,
  verifyCommand,
]
