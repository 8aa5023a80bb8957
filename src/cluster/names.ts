/** Where a cluster is, unless `--dir` says otherwise: in the working directory. */
export const DEFAULT_CLUSTER_DIR = 'raft-data';

/** The name of the file that makes a directory a cluster directory. */
export const CLUSTER_FILE = 'cluster.json';
