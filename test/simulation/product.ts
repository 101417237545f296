import { pathToFileURL } from 'node:url'
import * as core from '../../plugins/raft/core/index.ts'
import * as driver from '../../plugins/raft/driver.ts'

/** The code under test: the real one, or a copy with a mistake in it. */
export interface Product {
  Core: typeof core.Core
  Driver: typeof driver.Driver
}

export const realProduct: Product = { Core: core.Core, Driver: driver.Driver }

/** The product from a folder that is like `plugins/raft`. */
export async function loadProduct (folder: string): Promise<Product> {
  const { Core } = await import(pathToFileURL(`${folder}/core/index.ts`).href) as typeof core
  const { Driver } = await import(pathToFileURL(`${folder}/driver.ts`).href) as typeof driver
  return { Core, Driver }
}
