import type { RaftError } from '../lib/errors.ts';
import type { Turnout } from './patience.ts';
import type { NodeStatus } from './schema.ts';

/** What one server says when it is asked for its status. */
export type ServerReport =
  | { readonly server: string; readonly type: 'status'; readonly status: NodeStatus }
  /** It answers, but not as a node of ours: the original, say, or a node that is starting. */
  | { readonly server: string; readonly type: 'no-status'; readonly error: RaftError }
  | {
      readonly server: string;
      readonly type: 'silent';
      /** Nobody listens there; otherwise it may only be slow. */
      readonly isRefused: boolean;
      readonly error: RaftError;
    };

/** Asks one server, within a time of its own. Never rejects. */
export type AskServer = (server: string) => Promise<ServerReport>;

/**
 * Asks all servers at once. Resolves early where a majority of them has answered and one of these leads: a server that
 * hangs must not hold up a cluster that works.
 */
export function survey(servers: readonly string[], ask: AskServer): Promise<readonly ServerReport[]> {
  return new Promise((resolve) => {
    const reports: ServerReport[] = [];
    for (const server of servers) {
      void ask(server).then((report) => {
        reports.push(report);
        const isEnough = answeredCount(reports) * 2 > servers.length && leaderAmong(reports) !== undefined;
        if (isEnough || reports.length === servers.length) resolve([...reports]);
      });
    }
  });
}

/** How many servers gave any answer. */
function answeredCount(reports: readonly ServerReport[]): number {
  return reports.filter((report) => report.type !== 'silent').length;
}

/**
 * How many nodes were asked, and how many of them answered. A node may have several addresses, as `localhost` and
 * `127.0.0.1`: one that answers is known by its id and counts once. One that is silent may stand among the `servers` that
 * were given as well as among the `members`, so that the longer of these lists says how many there are.
 */
export function turnoutOf(
  reports: readonly ServerReport[],
  { servers, members }: { readonly servers: readonly string[]; readonly members: readonly string[] },
): Turnout {
  const answers = reports.filter((report) => report.type !== 'silent');
  const given = answers.filter(({ server }) => servers.includes(server));
  const repeated = given.length - nodesIn(given).size;
  const asked = Math.max(servers.length - repeated, members.length);
  return { answered: Math.min(nodesIn(answers).size, asked), asked };
}

/** Who answered, by id; what has none, by its address. */
function nodesIn(answers: readonly ServerReport[]): ReadonlySet<string> {
  return new Set(answers.map((report) => (report.type === 'status' ? report.status.id : report.server)));
}

/** The server that leads in the highest term: one that was paused may not know yet that it has been replaced. */
export function leaderAmong(reports: readonly ServerReport[]): ServerReport | undefined {
  const terms = reports.map(termOf);
  return reports.find((report, at) => isLeader(report) && terms[at] === Math.max(...terms));
}

/** The server to which a command or a linearizable read should go, or undefined where nobody knows of a leader. */
export function serverForWrites(reports: readonly ServerReport[]): string | undefined {
  const leader = leaderAmong(reports);
  if (leader !== undefined) return leader.server;
  const forwarding = reports.find((report) => report.type === 'status' && report.status.leaderId !== null);
  // A node that gives no status may be the original, which forwards too; if it is not, it will say so.
  return (forwarding ?? reports.find((report) => report.type === 'no-status'))?.server;
}

/**
 * The log time with which a session is opened, in milliseconds. Null where sessions cannot be used, and undefined where
 * no server has told.
 */
export function logTimeAmong(reports: readonly ServerReport[]): number | null | undefined {
  const times = reports.flatMap((report) => (report.type === 'status' ? [report.status.logTimeMs] : []));
  const known = times.filter((time) => time !== null);
  if (known.length < times.length) return null;
  // All of them are committed, and the highest is the one with which the session can be opened the longest.
  if (known.length > 0) return Math.max(...known);
  const isOther = reports.some(
    (report) => report.type === 'no-status' && report.error.code === 'unsupported',
  );
  return isOther ? null : undefined;
}

/** The first server, in the order that the user gave them, that answers. */
export function serverForStaleReads(
  servers: readonly string[],
  reports: readonly ServerReport[],
): string | undefined {
  return servers.find((server) =>
    reports.some((report) => report.server === server && report.type === 'status'),
  );
}

function isLeader(report: ServerReport): boolean {
  return report.type === 'status' && report.status.role === 'leader';
}

function termOf(report: ServerReport): number {
  return report.type === 'status' ? report.status.term : 0;
}

/** The addresses of the members, as the newest of the answers names them; undefined without answers. */
export function membersIn(reports: readonly ServerReport[]): readonly string[] | undefined {
  const terms = reports.map(termOf);
  const newest = leaderAmong(reports) ?? reports[terms.indexOf(Math.max(...terms))];
  if (newest?.type !== 'status') return undefined;
  return newest.status.members.flatMap(({ url }) => (url === null ? [] : [url]));
}
