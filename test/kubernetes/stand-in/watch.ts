import type { ServerResponse } from 'node:http'
import { selects } from './labels.ts'
import type { Happening, Kind, Objects, Thing } from './objects.ts'

export interface WatchRequest {
  objects: Objects
  kind: Kind
  namespace: string
  query: URLSearchParams
}

/** A line of JSON for each thing that happens, from a resource version on, as a watch of the API is. */
export function answerWatch (response: ServerResponse, { objects, kind, namespace, query }: WatchRequest): void {
  const isSelected = selects(query.get('labelSelector'))
  const since = Number(query.get('resourceVersion') ?? objects.version)
  const seconds = Number(query.get('timeoutSeconds') ?? 1800)
  response.writeHead(200, { 'content-type': 'application/json' })
  response.flushHeaders()
  const tell = (type: string, object: unknown): void => { response.write(`${JSON.stringify({ type, object })}\n`) }
  if (since < objects.forgotten) {
    tell('ERROR', {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: `too old resource version: ${since} (${objects.forgotten})`,
      reason: 'Expired',
      code: 410,
    })
    response.end()
    return
  }
  const onHappening = (happening: Happening): void => {
    if (happening.kind !== kind) return
    const { before, after } = happening
    if ((after ?? before)!.metadata.namespace !== namespace) return
    const [was, is] = [isSelected(before), isSelected(after)]
    // What no longer matches is gone for whoever watches.
    if (is) tell(was ? 'MODIFIED' : 'ADDED', shown(kind, after!))
    else if (was) tell('DELETED', shown(kind, after ?? before!))
  }
  for (const happening of objects.since(since)) onHappening(happening)
  const stop = objects.listen(onHappening)
  const timer = setTimeout(() => {
    if (query.get('allowWatchBookmarks') === 'true') {
      tell('BOOKMARK', { kind: kind.kind, apiVersion: kind.version, metadata: { resourceVersion: String(objects.version) } })
    }
    response.end()
  }, seconds * 1000)
  response.on('close', () => {
    clearTimeout(timer)
    stop()
  })
}

/** With what it is, which lists leave out of their items. */
export function shown ({ group, version, kind }: Kind, thing: Thing): Thing {
  return { kind, apiVersion: group === '' ? version : `${group}/${version}`, ...thing }
}
