"""The version of a worker deployment, which ORDERS_ variables or Temporal's Worker Controller for Kubernetes set."""

import re
from collections.abc import Mapping

from models.errors import InvalidInput

# Our variable → the one that the Worker Controller sets in each pod.
CONTROLLED = {"ORDERS_DEPLOYMENT": "TEMPORAL_DEPLOYMENT_NAME", "ORDERS_BUILD_ID": "TEMPORAL_WORKER_BUILD_ID"}


def check_deployment(name: str) -> str:
    """Return the name of a deployment; raise ValueError for one that the server refuses."""
    # The server separates the name from the build id by a dot or a colon; a worker with such a name gets no tasks.
    # The controller names a deployment NAMESPACE/NAME.
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_/-]{0,127}", name) is None:
        raise ValueError("must be 1 to 128 letters, digits, _, - or /, without dots and colons, and begin with no sign")
    return name


def with_controlled(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables, with the controller's in place of ours; raise InvalidInput when both differ."""
    found = {name: text for name, text in environ.items() if text}
    controlled = {ours: found[theirs] for ours, theirs in CONTROLLED.items() if theirs in found}
    for ours, text in controlled.items():
        if found.get(ours, text) != text:
            raise InvalidInput(ours, f"differs from {CONTROLLED[ours]}; set one of them")
    if len(controlled) == 1 and not CONTROLLED.keys() & found.keys():
        name, build_id = CONTROLLED.values()
        raise InvalidInput(name, f"and {build_id} must be given together")
    return found | controlled


def name_given(field: str, environ: Mapping[str, str]) -> str:
    """Return the variable to name in an error about `field`: the controller's, if that was given."""
    theirs = CONTROLLED.get(field, field)
    return theirs if environ.get(theirs) and not environ.get(field) else field
