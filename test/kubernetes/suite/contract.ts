import type { Test } from 'tap'
import { splitAddress } from '../../../discovery/address.ts'
import { discoveryContract } from '../../../discovery/contract.ts'
import type { ApiServer } from '../api-server.ts'
import type { Meddler } from '../meddler.ts'
import { Namespace } from '../namespace.ts'
import { patienceMs } from './wait-for.ts'

/** What every provider must do. The place is a namespace, with the pods node-0, node-1 and so on. */
export function contractSuite (t: Test, server: ApiServer): void {
  discoveryContract({ test: (name, body) => t.test(name, body) }, {
    name: 'kubernetes',
    knowsIds: true,
    watches: true,
    patienceMs,
    async place () {
      const namespace = await Namespace.create(t, server)
      const meddlers: Meddler[] = []
      const addresses: string[] = []
      return {
        async open (node) {
          const pod = `node-${node}`
          if (addresses[node] === undefined) {
            addresses[node] = `192.0.2.${node + 1}`
            await namespace.createPod(pod, { ip: addresses[node] })
          }
          meddlers[node] ??= await namespace.meddler()
          const provider = await namespace.open(pod, { meddler: meddlers[node], listSeconds: 1 })
          // A node never says an address that is not its pod's: where it says another one, the kubelet gave it first.
          const publish = provider.publish.bind(provider)
          provider.publish = async (self, signal) => {
            const { host } = splitAddress(self.peerAddress)
            if (host !== addresses[node]) await namespace.giveAddress(pod, host)
            addresses[node] = host
            await publish(self, signal)
          }
          return provider
        },
        async breakDown () { for (const meddler of meddlers) meddler?.cut() },
        async mend () { for (const meddler of meddlers) meddler?.mend() },
        async close () {},
      }
    },
  })
}
