"""Worker versioning, by the deployment and the build id of the settings."""

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig


def deployment_config(name: str | None, build_id: str | None) -> WorkerDeploymentConfig:
    """Return a worker's deployment version; orders are short, so each is pinned to the version that it began on."""
    if name is None or build_id is None:
        # Without a build id, the SDK hashes the code of all modules, which takes a second at each start.
        return WorkerDeploymentConfig(WorkerDeploymentVersion("orders", "unversioned"), use_worker_versioning=False)
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(name, build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )
