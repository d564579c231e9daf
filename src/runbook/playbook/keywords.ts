/** Keywords that are planned and not built yet. */
const laterOnPlays: readonly string[] = ['alerts']

/** Where a keyword stands. */
export type KeywordOwner =
  | 'apply'
  | 'block'
  | 'handler'
  | 'import'
  | 'import_playbook'
  | 'include'
  | 'meta'
  | 'play'
  | 'release'
  | 'role'
  | 'rollback'
  | 'task'

/** Keywords of Ansible that bkp does without, and what to do instead. */
const refused: Readonly<Record<string, string>> = {
  action: 'write the name of the module as a key, and its arguments below it',
  local_action: 'write the module as a key, and delegate_to: localhost beside it',
  debugger: 'leave it out; bkp run --step asks before each task',
  become_exe: 'leave it out: bkp runs the sudo of the host',
  become_flags: 'leave it out, and say in the sudoers of the host what is allowed',
}

/** Keywords that are accepted for the sake of playbooks that have them. */
const withoutEffect: readonly string[] = ['collections']
const withoutEffectOnPlays: readonly string[] = [
  ...withoutEffect,
  'fact_path',
  'gather_subset',
  'gather_timeout',
]

/** True for a keyword that is accepted, warned of, and does nothing. */
export function isWithoutEffect(owner: KeywordOwner, keyword: string): boolean {
  return (owner === 'play' ? withoutEffectOnPlays : withoutEffect).includes(keyword)
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
  if (keyword === 'listen' && owner !== 'handler') {
    return { message: 'only a handler can listen', hint: 'move it to a handler of the play' }
  }
  const hint = Object.hasOwn(refused, keyword) ? refused[keyword] : undefined
  if (hint !== undefined) return { message: `the keyword "${keyword}" is not supported`, hint }
  if (owner !== 'play' || !laterOnPlays.includes(keyword)) return undefined
  return { message: `the keyword "${keyword}" is not supported yet` }
}
