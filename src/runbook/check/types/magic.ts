import { bool, listOf, number, openMap, type Type, text } from './type.ts'

/** Types of the variables that the engine sets (engine/variables.ts), where they have one. */
export const magicTypes: ReadonlyMap<string, Type> = new Map<string, Type>([
  ['ansible_check_mode', bool],
  ['ansible_diff_mode', bool],
  ['ansible_forks', number],
  ['ansible_loop_var', text],
  ['ansible_index_var', text],
  ['ansible_play_batch', listOf(text)],
  ['ansible_play_hosts', listOf(text)],
  ['ansible_play_hosts_all', listOf(text)],
  ['ansible_play_name', text],
  ['ansible_run_tags', listOf(text)],
  ['ansible_skip_tags', listOf(text)],
  ['group_names', listOf(text)],
  ['groups', openMap(new Map(), listOf(text))],
  ['hostvars', openMap()],
  ['inventory_hostname', text],
  ['inventory_hostname_short', text],
  ['playbook_dir', text],
  ['role_name', text],
  ['role_path', text],
])
