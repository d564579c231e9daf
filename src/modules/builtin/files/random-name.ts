import type { RandomBytes } from '../../../base/clock.ts'

const letters = 'abcdefghijklmnopqrstuvwxyz234567'

/** Sixteen letters that nobody can guess: 80 bits. */
export function randomName(random: RandomBytes): string {
  return [...random(16)].map(byte => letters.charAt(byte & 31)).join('')
}
