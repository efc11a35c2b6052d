"""A HyperQueue server with a worker, from the Python package; submits a job for each line of the standard input."""

import json
import sys

from hyperqueue import Job, LocalCluster  # type: ignore[import-not-found,import-untyped,unused-ignore]
from hyperqueue.cluster import WorkerConfig  # type: ignore[import-not-found,import-untyped,unused-ignore]


def main(root: str, cores: str) -> None:
    """Serve in the directory `root`; after the last task of a job, `root/ended<job>` exists."""
    with LocalCluster(root, WorkerConfig(cores=int(cores))) as cluster:
        client = cluster.client()
        print("ready", flush=True)
        for line in sys.stdin:
            shell, count, number = json.loads(line)
            job = Job()
            tasks = [job.program(["sh", "-c", shell]) for _ in range(count)]
            job.program(["touch", f"{root}/ended{number}"], deps=tasks)
            client.submit(job)
            print("ready", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
