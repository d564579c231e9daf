import { restoreCases } from './restore-cases.ts'
import { everyKill, type KillPoint } from './restore-kills.ts'

const sharp: readonly KillPoint[] = [
  { at: 'between swaps', next: 'resume' },
  { at: 'after restoreMeta', next: 'abort' },
]

restoreCases({ generation: '2.0', relativePaths: true, dataPaths: 2, atNight: { kills: sharp } })
restoreCases({ generation: '2.1', walPath: true, dataPaths: 2, atNight: { kills: sharp } })
restoreCases({ generation: '2.1', metads: 3, atNight: { kills: sharp } })
restoreCases({ generation: '3.0', metads: 3, atNight: { kills: sharp } })
restoreCases({
  generation: '3.3',
  metads: 3,
  storageds: 3,
  dataPaths: 2,
  atNight: { kills: everyKill },
})
