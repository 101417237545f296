// Keeps a copy of all keys of a node: node follow.mjs http://127.0.0.1:9000
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** A quiet stream sends a sign of life every 15 seconds unless the node is set otherwise; after so long it is dead. */
const silenceMs = 60_000
const retryMs = 1000

/** Every tenant, its collections and their keys, as of one revision. */
export class Copy {
  revision = null
  tenants = new Map()
  #loading = null

  get (tenant, collection, key) {
    return this.tenants.get(tenant)?.get(collection)?.get(key)
  }

  /** What a change means for a copy. A creation begins empty, and a deletion takes all that is below. */
  apply ({ revision, type, tenant, collection, key, data }) {
    if (revision !== this.revision + 1) throw new Error(`change ${revision} follows ${this.revision}`)
    const collections = this.tenants.get(tenant)
    switch (type) {
      case 'put': if (key !== undefined) collections.get(collection).set(key, data); break
      case 'delete': collections.get(collection).delete(key); break
      case 'collection-create': collections.set(collection, new Map()); break
      case 'collection-delete': collections.delete(collection); break
      case 'tenant-create': this.tenants.set(tenant, new Map()); break
      case 'tenant-delete': this.tenants.delete(tenant); break
      case 'tenant-rename': this.#rename(data.previous, tenant)
    }
    this.revision = revision
  }

  /** One line of a snapshot. Its last line says that it is whole; only then does it replace what was here. */
  load ({ dump, tenant, collection, entry, end }) {
    if (dump !== undefined) this.#loading = { revision: dump.revision, tenants: new Map() }
    const { revision, tenants } = this.#loading
    if (tenant !== undefined) tenants.set(tenant.name, new Map())
    if (collection !== undefined) tenants.get(collection.tenant).set(collection.name, new Map())
    if (entry !== undefined) tenants.get(entry.tenant).get(entry.collection).set(entry.key, entry.data)
    if (end !== undefined) Object.assign(this, { revision, tenants })
  }

  /** The names of the tenants below follow their parent's. */
  #rename (previous, name) {
    for (const [old, collections] of [...this.tenants]) {
      if (old !== previous && !old.startsWith(`${previous}/`)) continue
      this.tenants.delete(old)
      this.tenants.set(name + old.slice(previous.length), collections)
    }
  }
}

/** Keeps the copy up to date until the signal says stop. Calls back with every change, and null after a snapshot. */
export async function follow (url, copy, { signal, onChange = () => {}, onError = console.error } = {}) {
  while (!signal?.aborted) {
    try {
      if (copy.revision === null) {
        for await (const line of lines(`${url}/snapshot`, signal)) copy.load(line)
        if (copy.revision === null) throw new Error('the snapshot was cut off')
        onChange(null)
      }
      for await (const line of lines(`${url}/changes?since=${copy.revision}`, signal)) {
        if (line.problem !== undefined) throw new Refused(line.problem)
        copy.apply(line)
        onChange(line)
      }
    } catch (error) {
      if (signal?.aborted) return
      // The history that the copy lacks is gone, or the node has another database now: begin anew.
      if (error.code === 'HISTORY_GONE' || error.code === 'REVISION_AHEAD') copy.revision = null
      onError(`${error.message}; trying again`)
    }
    // Where the stream ended, by whichever fault, it goes on after the last change that was applied.
    await wait(retryMs, undefined, { signal }).catch(() => {})
  }
}

class Refused extends Error {
  constructor ({ code, detail }) {
    super(detail)
    this.code = code
  }
}

/** The lines of a stream as JSON. Empty ones are signs of life. */
async function * lines (url, signal) {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(new Error('the node has gone silent')), silenceMs)
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/x-ndjson' },
      signal: AbortSignal.any(signal === undefined ? [silence.signal] : [silence.signal, signal]),
    })
    if (!response.ok) throw new Refused(await response.json())
    let rest = ''
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      timer.refresh()
      const whole = (rest + text).split('\n')
      rest = whole.pop()
      for (const line of whole) if (line !== '') yield JSON.parse(line)
    }
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const copy = new Copy()
  await follow(process.argv[2] ?? 'http://127.0.0.1:9000', copy, {
    onChange: (change) => console.log(change === null ? `a copy of revision ${copy.revision}` : JSON.stringify(change)),
  })
}
