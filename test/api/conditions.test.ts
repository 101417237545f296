import { test } from 'tap'
import { invalid, startStocked } from './client.ts'

test('A condition on anything but a key is refused rather than ignored', async (t) => {
  const client = await startStocked(t)
  for (const field of ['if-match', 'if-none-match']) {
    const condition = { [field]: '"1"' }
    invalid(t, await client.post('/changes', { data: 1 }, condition), field)
    invalid(t, await client.put('/tenants/coke', { name: 'pepsi' }, condition), field)
    invalid(t, await client.delete('/tenants/coke?recursive=true', condition), field)
    invalid(t, await client.put('/cluster/settings', {}, condition), field)
    invalid(t, await client.post('/transactions', { then: [] }, condition), field)
  }
})
