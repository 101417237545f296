/**
 * A JSON value kept as its own text. Data stays so from the request to the disk and to the reader: large integers, the
 * order of members and repeated ones all come back as they came.
 */
export class RawJson {
  /** Valid JSON in UTF-8, without white space between its tokens, so it fits one line. */
  readonly bytes: Buffer

  constructor (bytes: Buffer) {
    this.bytes = bytes
  }

  /** The text of a plain value. Throws a TypeError for what JSON cannot say: undefined, functions, cycles, bigints. */
  static of (value: unknown): RawJson {
    const text: string | undefined = JSON.stringify(value)
    if (text === undefined) throw new TypeError(`a value of type ${typeof value} has no JSON text`)
    return new RawJson(Buffer.from(text))
  }
}
