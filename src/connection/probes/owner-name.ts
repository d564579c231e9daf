/** A name as stat gives it; the id as text where it says `UNKNOWN`, or nothing, for want of a name. */
export function ownerName(name: string | undefined, id: string | undefined): string {
  return name === undefined || name === 'UNKNOWN' ? String(id) : name
}
