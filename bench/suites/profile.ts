import type { SuiteOptions } from './suite.ts'
export async function profile (options: SuiteOptions): Promise<void> {}
