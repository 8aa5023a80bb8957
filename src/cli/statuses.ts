import { createClient } from '../api/client.ts';
import type { NodeStatus } from '../api/schema.ts';
import type { StatusAnswer } from './status-report.ts';

/** Asks the nodes at `urls`, all at once and each in bounded time; one that does not answer gives undefined. */
export async function askStatuses(urls: readonly string[]): Promise<readonly (NodeStatus | undefined)[]> {
  if (urls.length === 0) return [];
  const client = createClient({ servers: urls });
  try {
    const reports = await client.statusAll();
    return reports.map((report) => (report.type === 'status' ? report.status : undefined));
  } finally {
    client.close();
  }
}

/** Asks the nodes at `urls`, then those members that they name and that have not been asked. */
export async function askCluster(urls: readonly string[]): Promise<readonly StatusAnswer[]> {
  const named = await askEach(urls);
  const members = named
    .flatMap(({ status }) => status?.members ?? [])
    .flatMap(({ url }) => (url === null ? [] : [url]));
  const others = new Set(members.filter((url) => !urls.includes(url)));
  return [...named, ...(await askEach([...others]))];
}

async function askEach(urls: readonly string[]): Promise<readonly StatusAnswer[]> {
  const statuses = await askStatuses(urls);
  return urls.map((url, position) => ({ url, status: statuses[position] }));
}
