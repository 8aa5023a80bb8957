import { writeSync } from 'node:fs';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../../cli/base-command.ts';
import { wholeNumber } from '../../cli/flags.ts';
import { createLineLogger } from '../../cli/line-logger.ts';
import { nodePlace } from '../../cli/node-options.ts';
import { prose } from '../../cli/prose.ts';
import { signalExitCode } from '../../cli/signals.ts';
import {
  type HostPort,
  parseHostPort,
  parseId,
  parseNodeUrl,
  parseNodeUrls,
  parsePeers,
  usage,
} from '../../cli/values.ts';
import { limitOutput } from '../../cluster/output.ts';
import type { NodeId } from '../../lib/brands.ts';
import { asRaftError } from '../../lib/errors.ts';
import { checkClusterId } from '../../node/cluster-id.ts';
import type { JoinOptions } from '../../node/join-cluster.ts';
import type { RunningNode } from '../../node/start-node.ts';
import { MACHINE_NAMES } from '../../raft/machine/machines.ts';
import type { Logger, PeerAddress } from '../../raft/ports.ts';
import { unfailing } from '../../raft/runtime/unfailing-logger.ts';
import { DEFAULT_TIMING } from '../../raft/timing.ts';

const ELECTION_TIMEOUT_MS_MAX = 60_000;
const STANDARD_OUTPUT = 1;

/** Runs one node until it is asked to stop. */
export class NodeRun extends BaseCommand {
  static override summary = 'Run one node in the foreground.';

  static override description =
    prose`The data directory is made where it is missing, and belongs to this node of this cluster
from then on. SIGTERM, SIGINT and SIGHUP stop the node in order, with exit code 0. A node that cannot keep its promises
stops by itself: 65 on damaged data, 73 where the directory or the port is in use, 78 where the configuration
contradicts itself. The node listens on the loopback address unless --listen says otherwise.`;

  static override examples = [
    {
      description: 'A cluster of one node:',
      command: '<%= config.bin %> <%= command.id %> --id 1 --data-dir ./node1 --listen 127.0.0.1:7600',
    },
    {
      description: 'One more node for a cluster that runs:',
      command:
        '<%= config.bin %> <%= command.id %> --id 6 --data-dir ./node6 --listen 127.0.0.1:7605 --join http://127.0.0.1:7600',
    },
    {
      description: 'The first of three:',
      command:
        '<%= config.bin %> <%= command.id %> --id 1 --data-dir ./node1 ' +
        '--peers 1=http://127.0.0.1:7600,2=http://127.0.0.1:7601,3=http://127.0.0.1:7602',
    },
  ];

  static override flags = {
    id: Flags.custom<NodeId>({
      description: 'Id of the node: a whole number from 1 to 2^64-1, in decimal.',
      helpValue: 'ID',
      required: true,
      parse: async (text) => parseId(text),
    })(),
    name: Flags.string({ description: 'Name of the node, for people.', helpValue: 'NAME' }),
    'data-dir': Flags.string({
      description: "Directory of the node's data.",
      helpValue: 'DIR',
      required: true,
    }),
    listen: Flags.custom<HostPort>({
      description: 'Where to listen; the address in --peers unless given.',
      helpValue: 'HOST:PORT',
      parse: async (text) => parseHostPort(text),
    })(),
    advertise: Flags.custom<string>({
      description: 'Where others find the node; where it listens unless given.',
      helpValue: 'URL',
      parse: async (text) => parseNodeUrl(text),
    })(),
    peers: Flags.custom<readonly PeerAddress[]>({
      description:
        'All members of the cluster, this node among them. Unless given, those that the data directory knows, or this node alone.',
      helpValue: 'ID=URL,…',
      parse: async (text) => parsePeers(text),
    })(),
    join: Flags.custom<readonly string[]>({
      description:
        'Join a cluster that runs: addresses of members. A node with a blank data directory gets the log, and votes once it has caught up.',
      helpValue: 'URL[,URL]',
      parse: async (text) => parseNodeUrls(text),
    })(),
    learner: Flags.boolean({
      description: 'With --join: get the log, and do not vote.',
      dependsOn: ['join'],
      exclusive: ['standby'],
    }),
    standby: Flags.boolean({
      description: 'With --join: only wait until the node is made a member, by raft config add or set.',
      dependsOn: ['join'],
    }),
    machine: Flags.option({
      options: MACHINE_NAMES,
      description: 'The state machine: kv is the key-value store, echo answers each command with itself.',
      default: 'kv',
    })(),
    'cluster-id': Flags.custom<string>({
      description: 'Name of the cluster; follows from its members unless given.',
      helpValue: 'ID',
      parse: async (text) => checkClusterId(text),
    })(),
    'election-timeout-ms': wholeNumber({
      min: 10,
      max: ELECTION_TIMEOUT_MS_MAX,
      description: 'Shortest election timeout in milliseconds; the longest is twice it.',
      default: DEFAULT_TIMING.electionTimeoutMsMin,
      helpValue: 'MS',
    }),
    'heartbeat-ms': wholeNumber({
      min: 1,
      max: ELECTION_TIMEOUT_MS_MAX,
      description: 'Time between heartbeats in milliseconds; a tenth of the election timeout unless given.',
      helpValue: 'MS',
    }),
    established: Flags.boolean({
      description:
        'The node has run before: refuse a blank data directory, because its data must have been lost.',
    }),
    supervised: Flags.boolean({
      hidden: true,
      description: 'Leave SIGINT to the process that started this one, and stop when standard input ends.',
    }),
    'output-file': Flags.string({
      hidden: true,
      description: 'Standard output goes to this file: keep it short.',
    }),
  };

  /** A node goes on serving when nobody reads what it prints any more. */
  protected override outputClosed(): void {}

  /** Nor where it cannot be written: its log has nothing to do with the disk that the data is on. */
  protected override outputFailed(): void {}

  async run(): Promise<void> {
    const { flags } = await this.parse(NodeRun);
    const { join: servers } = flags;
    const place = nodePlace({ ...flags, join: servers, dataDir: flags['data-dir'] });
    const electionTimeoutMsMin = flags['election-timeout-ms'];
    const heartbeatMs = flags['heartbeat-ms'] ?? Math.max(1, Math.floor(electionTimeoutMsMin / 10));
    if (heartbeatMs >= electionTimeoutMsMin) {
      throw usage(
        `A heartbeat every ${heartbeatMs} ms is too slow for an election timeout of ${electionTimeoutMsMin} ms.`,
        ['A tenth of the election timeout is a good choice for --heartbeat-ms.'],
      );
    }
    const logger = unfailing(this.#logger(flags['output-file']));
    const asked = this.#whenAskedToStop(flags.supervised ? 'supervised' : 'alone');
    const { startNode } = await import('../../node/start-node.ts');
    const node = await startNode({
      ...place,
      id: flags.id,
      clusterId: flags['cluster-id'],
      join: servers === undefined ? undefined : { servers, part: partOf(flags) },
      machine: flags.machine,
      blankDirectory: flags.established ? 'refuse' : 'initialize',
      electionTimeoutMsMin,
      electionTimeoutMsMax: 2 * electionTimeoutMsMin,
      heartbeatMs,
      logger,
    });
    logger.info(`${place.name} (${flags.id}) listens on ${node.url}, its data is in ${place.dataDir}`);
    const refused = node.joined.then(() => NEVER, asRaftError);
    const reason = await Promise.race([node.stopped, refused, stopOnce(node, asked, logger)]);
    // One that the cluster does not take has nothing to do; every other has stopped by now.
    await node.stop();
    if (reason !== null && reason.code !== 'removed') throw reason;
    // It was asked for: whoever reads along must not take it for a failure.
    if (reason !== null) for (const line of [reason.message, ...reason.suggestions]) logger.info(line);
    logger.info(`${place.name} has stopped`);
    // Standard input of a supervised node is still open and would keep the process alive.
    this.exit(0);
  }

  /** Lines are written synchronously: the last words of a node that dies are the ones that matter. */
  #logger(outputFile: string | undefined): Logger {
    return createLineLogger(this.jsonEnabled() ? 'json' : 'text', (line) => {
      if (outputFile === undefined) {
        process.stdout.write(line);
        return;
      }
      limitOutput(outputFile, STANDARD_OUTPUT);
      writeSync(STANDARD_OUTPUT, line);
    });
  }

  /** Resolves with the reason once somebody asks the node to stop. Asked again, a node on its own ends at once. */
  #whenAskedToStop(mode: 'alone' | 'supervised'): Promise<string> {
    return new Promise((resolve) => {
      let asked = false;
      this.takeSignals((signal) => {
        if (signal === 'SIGINT' && mode === 'supervised') return;
        // When a terminal closes, its SIGHUP and the supervisor's SIGTERM both come: that is no impatience.
        if (asked && mode === 'alone') process.exit(signalExitCode(signal));
        asked = true;
        resolve(signal);
      });
      if (mode === 'alone') return;
      // The pipe to the supervisor ends with it, whatever ended it.
      process.stdin.resume().on('close', () => resolve('the supervisor is gone'));
    });
  }
}

function partOf(flags: { readonly learner: boolean; readonly standby: boolean }): JoinOptions['part'] {
  if (flags.standby) return 'none';
  return flags.learner ? 'learner' : 'voter';
}

const NEVER: Promise<never> = new Promise(() => {});

async function stopOnce(node: RunningNode, asked: Promise<string>, logger: Logger): Promise<null> {
  logger.info(`stopping: ${await asked}`);
  await node.stop();
  return null;
}
