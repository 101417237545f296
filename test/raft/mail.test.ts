import t, { type Test } from 'tap'
import fc from 'fast-check'
import type { Append, AppendResponse, Entry, Message } from '../../plugins/raft/core/index.ts'
import { Mail } from '../../plugins/raft/mail.ts'

const append = (to: string, index: number, commit: number, entries = 0, term = 1): Append => ({
  type: 'append',
  from: '1',
  to,
  term,
  index,
  logTerm: term,
  commit,
  entries: Array.from({ length: entries }, (_, at): Entry => (
    { index: index + at + 1, term, type: 0, data: Buffer.alloc(0) })),
})

const accepted = (to: string, index: number, term = 1): AppendResponse => (
  { type: 'append-response', from: '1', to, term, index, reject: false, hint: 0, hintTerm: 0 })

const heartbeat = (to: string): Message => ({ type: 'heartbeat', from: '1', to, term: 1, commit: 0, context: null })

function mailbox (t: Test): { mail: Mail, sent: Message[] } {
  const sent: Message[] = []
  const mail = new Mail((message) => { sent.push(message) })
  t.teardown(() => { mail.close() })
  return { mail, sent }
}

t.test('A commit index travels with the next entries', async (t) => {
  const { mail, sent } = mailbox(t)
  mail.send(append('2', 5, 5))
  mail.send(append('2', 5, 6, 2))
  t.same(sent, [append('2', 5, 6, 2)])
})

t.test('A commit index that the next entries do not bring is sent before them', async (t) => {
  const { mail, sent } = mailbox(t)
  for (const newer of [append('2', 5, 3, 1), append('2', 4, 5, 1), append('2', 5, 5, 1, 2)]) {
    mail.send(append('2', 5, 5))
    mail.send(newer)
    t.same(sent.splice(0), [append('2', 5, 5), newer])
  }
})

t.test('Whatever else is sent to the node comes after it', async (t) => {
  const { mail, sent } = mailbox(t)
  mail.send(append('2', 5, 5))
  mail.send(heartbeat('3'))
  t.same(sent, [heartbeat('3')], 'it does not hold up what goes to others')
  mail.send(heartbeat('2'))
  t.same(sent.slice(1), [append('2', 5, 5), heartbeat('2')])
})

t.test('Without anything else it is sent after a while, and at once to who waits for it', async (t) => {
  const { mail, sent } = mailbox(t)
  for (const to of ['2', '3']) mail.send(append(to, 5, 5))
  mail.hurry('3')
  mail.hurry('3')
  t.same(sent, [append('3', 5, 5)])
  while (sent.length < 2) await new Promise((resolve) => { setImmediate(resolve) })
  t.same(sent, [append('3', 5, 5), append('2', 5, 5)])
})

t.test('Of the acknowledgements of a turn the last is sent, when the turn ends', async (t) => {
  const { mail, sent } = mailbox(t)
  for (const index of [3, 4, 7]) mail.send(accepted('2', index))
  t.same(sent, [])
  t.equal(mail.waits, true)
  mail.endTurn()
  t.same(sent, [accepted('2', 7)])
  t.equal(mail.waits, false)
})

t.test('An acknowledgement that a later one does not cover is sent', async (t) => {
  const { mail, sent } = mailbox(t)
  mail.send(accepted('2', 7))
  mail.send(accepted('2', 3))
  mail.send(accepted('2', 9, 2))
  mail.send({ ...accepted('2', 12, 2), reject: true })
  t.same(sent, [accepted('2', 7), accepted('2', 3), accepted('2', 9, 2), { ...accepted('2', 12, 2), reject: true }])
})

t.test('Whatever is sent, each node gets it in order, but for what a later message tells as well', async () => {
  const message = fc.oneof(
    fc.record({ to: fc.constantFrom('2', '3'), index: fc.nat(4), commit: fc.nat(4), entries: fc.nat(1), term: fc.nat(1) })
      .map(({ to, index, commit, entries, term }) => append(to, index, commit, entries, term)),
    fc.record({ to: fc.constantFrom('2', '3'), index: fc.nat(4), term: fc.nat(1) })
      .map(({ to, index, term }) => accepted(to, index, term)),
    fc.constantFrom('2', '3').map(heartbeat),
    fc.constant('turn' as const)
  )
  fc.assert(fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
    const sent: Message[] = []
    const mail = new Mail((one) => { sent.push(one) })
    for (const one of messages) {
      if (one === 'turn') mail.endTurn()
      else mail.send(one)
    }
    for (const to of ['2', '3']) mail.hurry(to)
    mail.endTurn()
    mail.close()
    for (const to of ['2', '3']) {
      const got = sent.filter((one) => one.to === to)
      const wanted = messages.filter((one) => one !== 'turn' && one.to === to) as Message[]
      // Acknowledgements go at the end of a turn, so they may be overtaken; among themselves all stays in order.
      for (const isAnswer of [true, false]) {
        let at = 0
        const kept = got.filter((one) => (one.type === 'append-response') === isAnswer)
        for (const one of wanted.filter((each) => (each.type === 'append-response') === isAnswer)) {
          if (one === kept[at]) at++
          else if (!kept.slice(at).some((later) => tells(later, one))) throw new Error(`${JSON.stringify(one)} is missing`)
        }
        if (at !== kept.length) throw new Error('something was sent that nobody wrote, or not in order')
      }
    }
  }), { numRuns: 500 })
})

function tells (later: Message, missing: Message): boolean {
  if (later.type !== missing.type || later.term !== missing.term) return false
  if (later.type === 'append' && missing.type === 'append') {
    return missing.entries.length === 0 && later.index >= missing.index && later.commit >= missing.commit
  }
  return later.type === 'append-response' && missing.type === 'append-response' && later.index >= missing.index
}
