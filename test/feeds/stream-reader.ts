import http, { type IncomingMessage } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import type { Test } from 'tap'
import type { HistoryChange } from '../support/replay.ts'

export type Framing = 'sse' | 'ndjson'

/** A refusal as its document says it. */
export interface ProblemBody {
  code: string
  status: number
  [member: string]: unknown
}

export interface StreamOptions {
  framing: Framing
  since?: number
  lastEventId?: string
  /** Credentials. */
  authorization?: string
  /** Called with each change as it comes. */
  onChange?: (change: HistoryChange) => void
}

const mediaTypes = { sse: 'text/event-stream', ndjson: 'application/x-ndjson' }

/** Reads one stream as a program would: server-sent events (HTML Living Standard, 9.2.6), or lines. */
export class StreamReader {
  readonly changes: HistoryChange[] = []
  /** What the stream ended with, when it said why. */
  problem: ProblemBody | null = null
  heartbeats = 0
  /** Where the reader goes on: the id of the last event, or the revision of the last line. */
  lastEventId = ''
  /** Whether the whole response came, rather than the connection broke. */
  readonly ended: Promise<boolean>
  readonly response: IncomingMessage
  readonly #framing: Framing
  readonly #onChange: (change: HistoryChange) => void
  readonly #decoder = new StringDecoder()
  #rest = ''
  #event = { id: '', type: '', data: '' }

  private constructor (response: IncomingMessage, { framing, onChange = () => {} }: StreamOptions) {
    this.response = response
    this.#framing = framing
    this.#onChange = onChange
    response.on('data', (bytes: Buffer) => this.#take(this.#decoder.write(bytes)))
    response.on('error', () => {})
    this.ended = new Promise((resolve) => { response.once('close', () => resolve(response.complete)) })
  }

  /** Opens a stream, which is closed when the test ends. Rejects with the problem when it is refused. */
  static async open (t: Test, url: string, options: StreamOptions): Promise<StreamReader> {
    const { framing, since, lastEventId, authorization } = options
    const target = new URL(url)
    if (since !== undefined) target.searchParams.set('since', String(since))
    const headers = {
      accept: mediaTypes[framing],
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      ...(authorization === undefined ? {} : { authorization }),
    }
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      http.get(target, { headers, agent: false }, resolve).on('error', reject)
    })
    if (response.statusCode !== 200) throw new Refused(await bodyOf(response))
    const reader = new StreamReader(response, options)
    t.teardown(() => reader.close())
    return reader
  }

  get revisions (): number[] {
    return this.changes.map(({ revision }) => revision)
  }

  close (): void {
    this.response.destroy()
  }

  #take (text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) {
      if (this.#framing === 'sse') this.#takeField(line)
      else this.#takeLine(line)
    }
  }

  #takeLine (line: string): void {
    if (line === '') {
      this.heartbeats++
      return
    }
    const value = JSON.parse(line) as HistoryChange & { problem?: ProblemBody }
    if (value.problem !== undefined) this.problem = value.problem
    else this.#takeChange(value, String(value.revision))
  }

  #takeField (line: string): void {
    if (line === '') return this.#dispatch()
    const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line)!
    if (field === '') this.heartbeats++
    else if (field === 'id') this.#event.id = value
    else if (field === 'event') this.#event.type = value
    else if (field === 'data') this.#event.data += value
    else throw new Error(`a field that a browser ignores: ${line}`)
  }

  #dispatch (): void {
    const { id, type, data } = this.#event
    this.#event = { id, type: '', data: '' }
    this.lastEventId = id
    if (type === 'problem') this.problem = JSON.parse(data) as ProblemBody
    else if (data !== '') this.#takeChange(JSON.parse(data) as HistoryChange, id)
  }

  #takeChange (change: HistoryChange, id: string): void {
    if (String(change.revision) !== id) throw new Error(`the event ${id} carries the change ${change.revision}`)
    this.lastEventId = id
    this.changes.push(change)
    this.#onChange(change)
  }
}

/** A stream was answered with a problem. */
export class Refused extends Error {
  readonly problem: ProblemBody

  constructor (problem: ProblemBody) {
    super(`${problem.status} ${problem.code}`)
    this.problem = problem
  }
}

async function bodyOf (response: IncomingMessage): Promise<ProblemBody> {
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  return JSON.parse(Buffer.concat(parts).toString()) as ProblemBody
}
