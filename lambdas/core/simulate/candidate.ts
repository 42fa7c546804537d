import type { Definition } from '../check-configuration.ts'
import { createConfiguration, publish } from '../configuration.ts'
import { type AgentConfiguration, loadAgent } from '../tenant-configuration.ts'
import { createMemoryTable } from './memory-table.ts'

/** The agent as it would be if these definitions, which have been checked, were published. Nothing is. */
export async function candidateAgent(
  tenant: string,
  definitions: readonly Definition[],
): Promise<AgentConfiguration> {
  const table = createMemoryTable()
  const release = await publish(table, tenant, definitions, 'simulation', 'a candidate', 0)
  return await loadAgent(createConfiguration(table, tenant), release)
}
