import { afterAll, expect, it } from 'vitest'
import {
  afterWrites,
  beforeWrites,
  journalPoints,
  killBackups,
  sceneWithBackup,
  sceneWithoutBackup,
} from './backup-kills.ts'

const scene = await sceneWithBackup()
const empty = sceneWithoutBackup()
afterAll(() => {
  scene.remove()
  empty.remove()
})

it.each([
  ['each event of the journal', journalPoints, 8],
  ['before each write', beforeWrites, 6],
  ['after each write', afterWrites, 6],
] as const)('a second backup killed: %s', async (_, points, least) => {
  expect(await killBackups(scene, points)).toBeGreaterThanOrEqual(least)
})

it.each([
  ['each event of the journal', journalPoints, 8],
  ['before each write', beforeWrites, 20],
  ['after each write', afterWrites, 20],
] as const)('the first backup of a repository killed: %s', async (_, points, least) => {
  expect(await killBackups(empty, points)).toBeGreaterThanOrEqual(least)
})
