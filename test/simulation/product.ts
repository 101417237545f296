import { pathToFileURL } from 'node:url'
import * as core from '../../plugins/raft/core/index.ts'
import * as driver from '../../plugins/raft/driver.ts'
import * as database from '../../storage/database.ts'
import * as receipts from '../../storage/receipts.ts'

/** The code under test: the real one, or a copy with a mistake in it. */
export interface Product {
  Core: typeof core.Core
  Driver: typeof driver.Driver
  Database: typeof database.Database
  readReceipt: typeof receipts.readReceipt
}

export const realProduct: Product = {
  Core: core.Core, Driver: driver.Driver, Database: database.Database, readReceipt: receipts.readReceipt,
}

/** The product from a folder that is like `plugins/raft`, with `storage` in it. */
export async function loadProduct (folder: string): Promise<Product> {
  const { Core } = await import(pathToFileURL(`${folder}/core/index.ts`).href) as typeof core
  const { Driver } = await import(pathToFileURL(`${folder}/driver.ts`).href) as typeof driver
  const { Database } = await import(pathToFileURL(`${folder}/storage/database.ts`).href) as typeof database
  const { readReceipt } = await import(pathToFileURL(`${folder}/storage/receipts.ts`).href) as typeof receipts
  return { Core, Driver, Database, readReceipt }
}
