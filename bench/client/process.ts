import { deliver, type DeliveryJob, type DeliveryResult } from './delivery.ts'
import { load, type LoadJob, type LoadResult } from './load.ts'

/**
 * The client's own process: it takes jobs from its parent, one at a time, and answers each with its result. The same
 * process serves all servers, so that none meets a client that is colder than another's.
 */
export type Job = LoadJob | DeliveryJob

export type Answer = { result: LoadResult | DeliveryResult } | { fault: string }

process.on('message', (job: Job) => {
  const work: Promise<LoadResult | DeliveryResult> = job.kind === 'load' ? load(job) : deliver(job)
  work.then(
    (result) => process.send!({ result } satisfies Answer),
    (error: Error) => process.send!({ fault: error.message } satisfies Answer))
})
process.once('disconnect', () => process.exit())
