/** Keywords of Ansible, and planned ones of ours, that are known and not built yet. */
const laterEverywhere: readonly string[] = [
  'become_exe',
  'become_flags',
  'check_mode',
  'collections',
  'connection',
  'debugger',
  'diff',
  'environment',
  'ignore_unreachable',
  'module_defaults',
  'port',
  'remote_user',
  'throttle',
]

const laterOnTasks: readonly string[] = [
  ...laterEverywhere,
  'action',
  'args',
  'async',
  'delay',
  'delegate_facts',
  'delegate_to',
  'import_role',
  'import_tasks',
  'include_role',
  'include_tasks',
  'listen',
  'local_action',
  'meta',
  'notify',
  'poll',
  'retries',
  'until',
]

const laterOnPlays: readonly string[] = [
  ...laterEverywhere,
  'alerts',
  'fact_path',
  'force_handlers',
  'gather_subset',
  'gather_timeout',
  'handlers',
  'import_playbook',
  'max_fail_percentage',
  'order',
  'post_tasks',
  'pre_tasks',
  'roles',
  'serial',
  'strategy',
  'vars_prompt',
]

/** Where a keyword stands. */
export type KeywordOwner = 'play' | 'block' | 'task' | 'rollback' | 'release'

/** What there is in place of a keyword that is not supported. */
const instead: Readonly<Record<string, string>> = {
  action: 'write the name of the module as a key',
  args: 'write the arguments below the name of the module',
  local_action: 'write a play for localhost',
  environment: 'write the variables in the command: env NAME=value ...',
  roles: 'write the tasks below tasks',
  pre_tasks: 'write the tasks below tasks',
  post_tasks: 'write the tasks below tasks',
  vars_prompt: 'give the variable with -e',
}

/**
 * What is said of a keyword that is known and not supported, or undefined for any other word.
 * `with_items` and its like are among them.
 */
export function unsupportedKeyword(
  owner: KeywordOwner,
  keyword: string,
): { readonly message: string; readonly hint?: string } | undefined {
  if (/^with_/.test(keyword) && owner !== 'play') {
    return { message: `the keyword "${keyword}" is not supported`, hint: 'write loop: with a list' }
  }
  const later = owner === 'play' ? laterOnPlays : laterOnTasks
  if (!later.includes(keyword)) return undefined
  const message = `the keyword "${keyword}" is not supported yet`
  const hint = instead[keyword]
  return hint === undefined ? { message } : { message, hint }
}
