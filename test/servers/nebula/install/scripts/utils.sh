# Functions of scripts/nebula.service.

if [[ -t 1 ]]; then
  RED=$'\e[0;31m'
  NC=$'\e[0m'
fi

function INFO { echo "[INFO] $*"; }
function ERROR { echo "[ERROR] $*" >&2; }

# A flag of a flag file.
function flag { sed -n "s/^--${1}=//p" "${2}" | tail -n 1; }

# Only the pid file is asked, as the real script does: a stale one misleads it. What has ended and was not
# collected yet is not running.
function is_running { [[ -f ${1} ]] && grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$(cat "${1}")/status"; }

function is_listening { (exec 3<>"/dev/tcp/${1}/${2}") 2>/dev/null; }
