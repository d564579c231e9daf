import { BkpError } from '../../base/errors.ts'
import type { Probe } from '../contract.ts'
import { joinLines, quoteWord, script } from '../quote.ts'
import { makeProbe } from './internals.ts'
import { unanswered } from './replies.ts'

/** What starts and stops the services of a host. */
export type ServiceManager = 'systemd' | 'openrc' | 'sysvinit'

/** What a host says of one of its services. */
export interface ServiceFacts {
  /** Undefined where the host has none of the managers that were asked for. */
  readonly manager?: ServiceManager
  /** False where the manager knows no service of that name. */
  readonly exists: boolean
  /** `changing`: on its way up or down. `unknown`: its init script does not tell. */
  readonly active: 'active' | 'inactive' | 'failed' | 'changing' | 'unknown'
  /** `fixed`: started by others, so that it can be neither enabled nor disabled. */
  readonly enabled: 'enabled' | 'disabled' | 'masked' | 'fixed' | 'unknown'
  /** What the manager said, by its own names. */
  readonly properties: Readonly<Record<string, string>>
  /** Paths of the programs that it is told by. */
  readonly programs: Readonly<Record<string, string>>
  /** Where programs are looked for, those of root included: scripts start their own from there. */
  readonly searchPath: string
}

/** What a service may be called: nothing that a program takes for an option or for another path. */
export const serviceNamePattern = '^[A-Za-z0-9_@][A-Za-z0-9_@:.\\\\+-]*$'

/** Properties of a unit, as systemctl(1) and org.freedesktop.systemd1(5) name them. */
const unitProperties = 'LoadState,ActiveState,SubState,UnitFileState,Type,Result'

const systemdStates: Readonly<Record<string, ServiceFacts['active']>> = {
  active: 'active',
  reloading: 'active',
  refreshing: 'active',
  inactive: 'inactive',
  failed: 'failed',
  activating: 'changing',
  deactivating: 'changing',
  maintenance: 'changing',
}

/** The words of `systemctl is-enabled`. */
const enablements: Readonly<Record<string, ServiceFacts['enabled']>> = {
  enabled: 'enabled',
  alias: 'enabled',
  'enabled-runtime': 'disabled',
  linked: 'disabled',
  'linked-runtime': 'disabled',
  indirect: 'disabled',
  disabled: 'disabled',
  masked: 'masked',
  'masked-runtime': 'masked',
  static: 'fixed',
  generated: 'fixed',
  transient: 'fixed',
}

/** Exit statuses of `status`: LSB 20.2, and OpenRC's 32 for a service that crashed. */
const statusCodes: Readonly<Record<string, ServiceFacts['active']>> = {
  0: 'active',
  1: 'failed',
  2: 'failed',
  3: 'inactive',
  32: 'failed',
}

function fromSystemd(
  said: Readonly<Record<string, string>>,
): Pick<ServiceFacts, 'exists' | 'active' | 'enabled'> {
  const { LoadState: load, ActiveState: state = '', is_enabled: enabled = '' } = said
  const active = systemdStates[state] ?? 'unknown'
  return {
    // A unit whose file is gone may still run, and can be stopped.
    exists: load !== 'not-found' || active === 'active',
    active,
    enabled: load === 'masked' ? 'masked' : (enablements[enabled] ?? 'unknown'),
  }
}

function fromScript(
  said: Readonly<Record<string, string>>,
): Pick<ServiceFacts, 'exists' | 'active' | 'enabled'> {
  const { status = '', usage, exists, enabled } = said
  return {
    exists: exists === 'yes',
    // A script without that action prints how it is used, with whatever status.
    active: usage === 'yes' ? 'unknown' : (statusCodes[status] ?? 'unknown'),
    enabled: enabled === 'yes' ? 'enabled' : 'disabled',
  }
}

function parseLines(text: string): Readonly<Record<string, string>> {
  const lines = text.split('\n').flatMap(line => {
    const at = line.indexOf('=')
    return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const]
  })
  return Object.fromEntries(lines)
}

const programNames = ['systemctl', 'rc-service', 'rc-update', 'service', 'update-rc.d', 'chkconfig']

function toFacts(text: string): ServiceFacts {
  const said = parseLines(text)
  const { manager, search_path: searchPath = '' } = said
  const programs = programNames.flatMap(name => {
    const path = said[`program ${name}`]
    return path === undefined || path === '' ? [] : [[name, path] as const]
  })
  const properties = Object.fromEntries(
    Object.entries(said).filter(([name]) => !/^(manager$|search_path$|program )/.test(name)),
  )
  const shared = { properties, programs: Object.fromEntries(programs), searchPath }
  if (manager === 'systemd') return { manager, ...fromSystemd(said), ...shared }
  if (manager === 'openrc' || manager === 'sysvinit') {
    return { manager, ...fromScript(said), ...shared }
  }
  return { exists: false, active: 'unknown', enabled: 'unknown', ...shared }
}

/**
 * What a host says of a service, by the first manager it runs: systemd, OpenRC, or the scripts of
 * /etc/init.d. Of scripts only `status` is run. @throws command.failed where systemd does not answer
 */
export function service(
  name: string,
  options: { readonly use?: ServiceManager } = {},
): Probe<ServiceFacts> {
  if (!new RegExp(serviceNamePattern).test(name)) {
    throw new BkpError('command.invalid', `"${name}" is no name of a service`)
  }
  const quoted = quoteWord(name)
  const use = Buffer.from(options.use ?? 'auto')
  return makeProbe(
    'service',
    { name, ...options },
    {
      script: joinLines([
        script`PATH=$PATH:/usr/sbin:/sbin name=${quoted} use=${use}`,
        script`has() { command -v "$1" >/dev/null 2>&1; }`,
        script`echo "search_path=$PATH"`,
        script`wants() { [ $use = auto ] || [ $use = "$1" ]; }`,
        script`for p in ${Buffer.from(programNames.join(' '))}; do`,
        script`  has $p && echo "program $p=$(command -v $p)"`,
        script`done`,
        script`if wants systemd && has systemctl; then`,
        script`  if shown=$(systemctl show --no-pager --property=${Buffer.from(unitProperties)} -- "$name" 2>&1); then`,
        script`    echo manager=systemd; printf '%s\n' "$shown"`,
        script`    echo "is_enabled=$(systemctl is-enabled -- "$name" 2>/dev/null | head -n 1)"; exit 0`,
        script`  fi`,
        // systemctl may be there without systemd: in a container, or beside another init.
        script`  if [ $use = systemd ] || [ -d /run/systemd/system ]; then printf '%s\n' "$shown" >&2; exit 1; fi`,
        script`fi`,
        script`if wants openrc && has rc-service && has rc-update; then`,
        script`  echo manager=openrc; rc-service --exists "$name" || exit 0; echo exists=yes`,
        script`  rc-service "$name" status >/dev/null 2>&1; echo status=$?`,
        script`  rc-update show 2>/dev/null | awk -v n="$name" '$1 == n && $3 != "" { f = 1 } END { exit !f }' && echo enabled=yes`,
        script`  exit 0`,
        script`fi`,
        script`if wants sysvinit && [ -d /etc/init.d ]; then`,
        script`  echo manager=sysvinit; s=/etc/init.d/$name; [ -x "$s" ] && [ ! -d "$s" ] || exit 0; echo exists=yes`,
        script`  said=$("$s" status 2>&1); echo status=$?`,
        script`  case $said in *[Uu]sage*) echo usage=yes ;; esac`,
        script`  for l in /etc/rc[2345].d/S[0-9][0-9]"$name"; do [ -L "$l" ] && echo enabled=yes; done`,
        script`fi`,
        script`exit 0`,
      ]),
      limitBytes: 64 * 1024,
      parse: reply => {
        if (reply.code !== 0) throw unanswered(`systemd does not tell about ${name}`, reply)
        return toFacts(reply.stdout.toString())
      },
    },
  )
}
