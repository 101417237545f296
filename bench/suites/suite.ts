/** What a suite is told. */
export interface SuiteOptions {
  /** The folder that the project was built to. */
  dist: string
  /** Fewer and shorter rounds, and no files written. */
  quick: boolean
  say: (text: string) => void
}
