import type { Tale } from './cases.ts'
import type { Place } from './place.ts'
import { type Story, tell } from './truth.ts'

/** Writes all of a tale into its place, prepares what it needs, and tells it. */
export async function enact(place: Place, tale: Tale): Promise<Story> {
  place.write('site.yml', tale.site)
  if (tale.inventory !== undefined) place.write('inventory.yml', tale.inventory)
  for (const [name, text] of Object.entries(tale.files ?? {})) place.write(name, text)
  place.stand(tale.stands ?? {})
  for (const unit of tale.units ?? []) place.unit(unit)
  if (tale.prepare !== undefined) {
    place.write('prepare.yml', tale.prepare)
    const inventory = `${place.site}/inventory.yml`
    const { status, stderr } = await place.bkp(
      'run',
      `${place.site}/prepare.yml`,
      '-i',
      inventory,
      ...(tale.words ?? []),
    )
    if (status !== 0) throw new Error(`it could not be prepared (${status}): ${stderr}`)
  }
  return await tell(place, 'site.yml', tale.words, tale.runWords)
}
