"""Features of a Temporal server that it can lack or have switched off, and the setting that switches each on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerFeature:
    """A feature, its switch in the server's dynamic configuration, and what doesn't work without it."""

    name: str
    switch: str
    used_by: str

    def missing_in(self, namespace: str) -> str:
        """Return one line that says that a namespace lacks the feature, and what helps."""
        return (
            f"{self.name} are off in the namespace {namespace}, and {self.used_by} need them: "
            f"set {self.switch} in the server's dynamic configuration, or update the server"
        )


UPDATES = ServerFeature("workflow updates", "frontend.enableUpdateWorkflowExecution", "cancels, events and decisions")
ASYNC_UPDATES = ServerFeature(
    "accepted updates", "frontend.enableUpdateWorkflowExecutionAsyncAccepted", "cancels, events and decisions"
)
SCHEDULES = ServerFeature("schedules", "frontend.enableSchedules", "the reconciler and `starter.py setup`")
DEPLOYMENTS = ServerFeature(
    "worker deployment versions", "system.enableDeploymentVersions", "workers with ORDERS_DEPLOYMENT"
)
STANDALONE_ACTIVITIES = ServerFeature(
    "standalone activities", "activity.enableStandalone", "choreographed orders and services with their own database"
)
