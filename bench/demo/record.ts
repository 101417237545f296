/** One thing to load: where it goes, and its data as JSON text. */
export interface Record {
  collection: string
  key: string
  data: string
}

export interface Source {
  /** What was read, for people. */
  name: string
  tenant: string
  records: Record[]
}
