"""The Ray engine on a cluster of two nodes of this machine: the same bytes, also when a worker is killed."""

import pytest

from experiments.engines import ray as engines
from experiments.store import open_folder

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def cluster():
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    ray.init(address=made.address, log_to_driver=False, logging_level="error")
    yield made
    ray.shutdown()
    made.shutdown()


def test_two_nodes_give_the_same_bytes_with_a_worker_killed(
    do, small_parts, bytes_of, tmp_path, child_environment, cluster
):
    whole = do("whole", keep=("steps", "events"))
    (tmp_path / "-0.2.1").write_text("place.unlink(); os.kill(os.getpid(), 9)")
    out = do("out", keep=("steps", "events"), engine=engines.engine())
    assert bytes_of(out) == bytes_of(whole) and not (tmp_path / "-0.2.1").exists()


def test_a_run_that_always_dies_is_a_row(do, small_parts, tmp_path, child_environment, cluster):
    (tmp_path / "-0.3.0").write_text("os.kill(os.getpid(), 9)")
    runs = open_folder(do(engine=engines.engine())).runs
    assert runs.loc[runs["status"] == "failed", ["point", "replication"]].to_numpy().tolist() == [[2, 0]]
    assert runs["error"].dropna().tolist() == ["ProcessDied: WorkerCrashedError on the cluster"]
