import { isRecord } from '../../../base/json.ts'
import { checkKeywords, type Entry, type Inherited, type PlaybookContext } from '../context.ts'
import { withOwn } from '../inherit.ts'
import { without } from './keys.ts'

/** Keywords that are about the include itself: when it is reached, and for whom. */
const ofTheInclude = ['when', 'run_once', 'register', 'loop', 'loop_control']

/**
 * What the steps of an include inherit: its own keywords but for its condition, which is judged once and
 * for the include; then those below `apply`.
 */
export function handedDown(
  context: PlaybookContext,
  entry: Entry,
  inherited: Inherited,
  args: Entry | undefined,
): Inherited {
  const around = withOwn(context, without(entry, ofTheInclude), inherited)
  const apply = args?.value['apply']
  // Anything but a map was told by the schema of the keyword.
  if (args === undefined || !isRecord(apply)) return around
  const applied: Entry = { value: apply, path: [...args.path, 'apply'] }
  checkKeywords(context, applied, 'apply')
  return withOwn(context, applied, around)
}
