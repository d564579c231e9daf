/** A line of the list of bad inputs (specs/reliability.md §6), and where it is held. */
export type Row = {
  readonly what: string
} & (
  | {
      /** The folder with its files, which begin with the number of the line. */
      readonly group: 'yaml' | 'templates' | 'inventory' | 'commands' | 'paths' | 'output' | 'cli'
    }
  | {
      /** Inputs that are no files (bytes of a protocol, a mode): the tests, by file and by words in it. */
      readonly tests: readonly (readonly [file: string, words: string])[]
    }
  | {
      /** Not built yet: why, and what brings it. */
      readonly later: string
    }
)

const manifest = 'test/repository/manifest.test.ts'
const answers = 'test/storage/odd-answers.ts'

export const rows: Readonly<Record<number, Row>> = {
  1: { what: 'an empty file', group: 'yaml' },
  2: { what: 'only comments', group: 'yaml' },
  3: { what: 'a byte order mark', group: 'yaml' },
  4: { what: 'UTF-16', group: 'yaml' },
  5: { what: 'invalid UTF-8', group: 'yaml' },
  6: { what: 'NUL in a scalar', group: 'yaml' },
  7: { what: 'tabs as indent', group: 'yaml' },
  8: { what: 'a key twice', group: 'yaml' },
  9: { what: 'the key __proto__', group: 'yaml' },
  10: { what: 'the key constructor', group: 'yaml' },
  11: { what: '<< of __proto__', group: 'yaml' },
  12: { what: 'an alias bomb', group: 'yaml' },
  13: { what: 'an alias cycle', group: 'yaml' },
  14: { what: 'depth of [', group: 'yaml' },
  15: { what: 'depth of indent', group: 'yaml' },
  16: { what: '20,000 keys in one map', group: 'yaml' },
  17: { what: 'a scalar of 5 MB', group: 'yaml' },
  18: { what: '!!js/function', group: 'yaml' },
  19: { what: '!!binary garbage', group: 'yaml' },
  20: { what: 'two documents', group: 'yaml' },
  21: { what: '%YAML 1.1', group: 'yaml' },
  22: { what: 'no, off, on, y as values', group: 'yaml' },
  23: { what: '012, 0o17, 1e3, .inf, .nan as numbers', group: 'yaml' },
  24: { what: '9007199254740993', group: 'yaml' },
  25: { what: 'what looks like a date', group: 'yaml' },
  26: { what: 'null for a list', group: 'yaml' },
  27: { what: 'a list for a map', group: 'yaml' },
  28: { what: 'an unknown or misspelt key', group: 'yaml' },
  29: { what: 'a line of 200 kB', group: 'yaml' },
  30: { what: 'an undefined variable', group: 'templates' },
  31: { what: 'undefined inside default', group: 'templates' },
  32: { what: 'a variable that needs itself', group: 'templates' },
  33: { what: 'a cycle of variables', group: 'templates' },
  34: { what: 'x.constructor', group: 'templates' },
  35: { what: '__proto__', group: 'templates' },
  36: { what: 'a value with {{ }} in it', group: 'templates' },
  37: { what: 'a loop of 10^8', group: 'templates' },
  38: { what: 'a function on a wrong type', group: 'templates' },
  39: { what: 'a secret in the error of a condition', group: 'templates' },
  40: { what: 'host -oProxyCommand=id', group: 'inventory' },
  41: { what: 'user root -x', group: 'inventory' },
  42: { what: 'IPv6 with a zone', group: 'inventory' },
  43: { what: 'a host with newline or escape', group: 'inventory' },
  44: { what: 'a host twice, a cycle of groups', group: 'inventory' },
  45: { what: 'port 0, 65536, "22 "', group: 'inventory' },
  46: {
    what: 'a key file of mode 0644',
    tests: [['test/hostile/keys.test.ts', 'may be read by others']],
  },
  47: {
    what: 'known_hosts with @revoked',
    tests: [['test/connection/known-hosts.test.ts', 'refuses a revoked key']],
  },
  48: { what: 'arguments that are shell text', group: 'commands' },
  49: { what: 'names of files', group: 'paths' },
  50: { what: 'paths', group: 'paths' },
  51: { what: 'a manifest cut at every byte', tests: [[manifest, 'cut at any byte']] },
  52: { what: 'version 999', tests: [[manifest, 'of a newer format is refused']] },
  53: { what: 'odd block ids', tests: [[manifest, "'64 lower-case'"]] },
  54: { what: 'sizes that are none', tests: [[manifest, 'size: 2n ** 53n']] },
  55: { what: 'blocks that do not make up a file', tests: [[manifest, 'its blocks hold 20']] },
  56: {
    what: 'a path twice; paths that differ by case or normal form',
    tests: [[manifest, 'differ only by case or normal form']],
  },
  57: {
    what: 'files under links, links out, devices, setuid, times',
    tests: [
      ['test/repository/restore/hostile.test.ts', 'a hostile manifest'],
      ['test/repository/extract/extract.test.ts', 'a hostile manifest'],
    ],
  },
  58: { what: 'a manifest as its own block', tests: [[manifest, 'cannot be its own list']] },
  59: { what: 'a tombstone with more in it', tests: [[manifest, 'holds nothing else']] },
  60: {
    what: 'an object whose bytes are not its name',
    tests: [['test/repository/verify.test.ts', 'a block that is missing, short or wrong']],
  },
  61: {
    what: 'an object of no bytes',
    tests: [['test/repository/verify.test.ts', 'a block that is missing, short or wrong']],
  },
  62: {
    what: 'keys outside of the known prefixes, %2e%2e, a directory as key',
    tests: [['test/storage/file.local.test.ts', 'names that are no keys']],
  },
  63: { what: 'a compressed block that is a bomb', later: 'blocks are not compressed' },
  64: { what: 'S3 error XML with entities, or of 10 MB', tests: [[answers, 'declares entities']] },
  65: { what: 'lists that loop or are out of order', tests: [[answers, 'nothing is decided']] },
  66: { what: 'wrong Content-Length, 206 and 200', tests: [[answers, 'is not believed']] },
  67: { what: 'redirects', tests: [[answers, 'is not followed, whatever it leads to']] },
  68: { what: 'WebHDFS false, a login page with 200', later: 'the issue that brings storage/hdfs' },
  69: { what: 'output that steers terminals, is no UTF-8, or is one long line', group: 'output' },
  70: { what: 'ended by a signal; status 255', group: 'output' },
  71: { what: 'the words of sudo in normal output', group: 'output' },
  // Hosts that are all busybox, have no tools or another shell need servers: test/connection/*.servers.test.ts.
  72: { what: 'another language, tools that are missing', group: 'output' },
  73: { what: 'the storage in what is backed up', group: 'cli' },
  74: { what: '--keep-last 0', later: 'the issue that brings bkp vacuum' },
  75: { what: 'restoring to /', group: 'cli' },
  76: { what: 'no HOME, no folder, no stdin, no terminal', group: 'cli' },
  77: { what: "a state directory that is another's, open, or a link", group: 'cli' },
}
