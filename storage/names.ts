export function tenantNameFault (_name: string): string | null { return null }
export function collectionNameFault (_name: string): string | null { return null }
export function keyFault (_name: string, _max: number): string | null { return null }
export function tagFault (_name: string, _max: number): string | null { return null }
