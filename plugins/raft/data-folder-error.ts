/** The parts of the data folder do not belong together, or one is missing; the message says what to do. */
export class DataFolderError extends Error {
  readonly code: 'NODE_ID_DAMAGED' | 'NODE_ID_LOST' | 'LOG_LOST' | 'DATABASE_LOST' | 'DATA_LOST' | 'JOINED_DAMAGED'

  constructor (code: DataFolderError['code'], message: string) {
    super(message)
    this.name = 'DataFolderError'
    this.code = code
  }
}
