/** Variables that the engine sets itself (design §8; specs/engine.md a.1). */
const magicNames: readonly string[] = [
  'ansible_check_mode',
  'ansible_diff_mode',
  'ansible_failed_result',
  'ansible_failed_task',
  'ansible_forks',
  'ansible_index_var',
  'ansible_limit',
  'ansible_loop',
  'ansible_loop_var',
  'ansible_play_batch',
  'ansible_play_hosts',
  'ansible_play_hosts_all',
  'ansible_play_name',
  'ansible_run_tags',
  'ansible_skip_tags',
  'ansible_version',
  'clusters',
  'group_names',
  'groups',
  'hostvars',
  'inventory_dir',
  'inventory_file',
  'inventory_hostname',
  'inventory_hostname_short',
  'item',
  'omit',
  'playbook_dir',
  'run',
  'storages',
]

/** Words that CEL keeps for itself: a variable of such a name could never be read. */
const celWords: readonly string[] = [
  'as',
  'break',
  'const',
  'continue',
  'else',
  'false',
  'for',
  'function',
  'if',
  'import',
  'in',
  'let',
  'loop',
  'namespace',
  'null',
  'package',
  'return',
  'true',
  'var',
  'void',
  'while',
]

/** Names that set_fact may not set. */
export const reservedNames: readonly string[] = [...magicNames, ...celWords].sort()

/** What a variable may be called. */
export const namePattern = '^[A-Za-z_][A-Za-z0-9_]*$'
