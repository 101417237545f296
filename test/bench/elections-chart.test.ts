import t from 'tap'
import { renderElections } from '../../bench/report/elections-chart.ts'
import type { Trial } from '../../bench/elections/trial.ts'

t.test('the chart has a point, a line and a count for each setting, with load and without', async (t) => {
  const trial = { heartbeatMs: 100, electionMs: 1000, seconds: 5, loadAverage: 1 }
  const trials: Trial[] = [
    { ...trial, isLoaded: false, falseElections: 0, failovers: [900, 1500] },
    { ...trial, isLoaded: true, falseElections: 7, failovers: [1100, 3000] },
    { ...trial, heartbeatMs: 10, electionMs: 100, isLoaded: true, falseElections: 23, failovers: [150] },
  ]
  const picture = renderElections('Times', trials)
  t.match(picture, /<title>Times<\/title>/)
  t.equal(picture.match(/<circle [^>]*r="5"/g)!.length, 2 + trials.length, 'with those of the legend')
  for (const words of ['100 / 1000', '10 / 100', '>7<', '>23<', '>10,000<']) t.ok(picture.includes(words), words)
  t.notMatch(picture, /NaN|undefined|Infinity/)
})
