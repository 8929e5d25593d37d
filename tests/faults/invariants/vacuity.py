"""I14, I16 and I17: no personal data where none belongs, no complaint in the logs, and the run was not an idle one."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.faults.evidence.dossier import dossiers
from tests.faults.evidence.evidence import Evidence, as_json

# What may stand in the logs as an error, and why.
ALLOWED = (
    "needs attention",  # an alert: a person is told
    "nobody could be told of what waits for a person",  # the notifier was down for as long as it is tried
    "an event can't be published",  # a poison event, which was set aside
)
NEVER = re.compile(r"never awaited|never retrieved|panicked|nondetermin|segmentation fault", re.IGNORECASE)
COMPLAINTS = {"error", "critical", "fatal"}
AT_MOST = 300


def no_canary_is_told(evidence: Evidence) -> Iterator[str]:
    """Words about a customer stand in no id, reason, cause, summary or log line."""
    told = as_json(replace(evidence, canaries=())).decode()
    for word in evidence.canaries:
        if word in told:
            place = told.index(word)
            yield f"{word} is in the evidence: …{told[max(0, place - 60) : place + 60]}…"


def no_complaint_is_logged(evidence: Evidence) -> Iterator[str]:
    """No process logged an error that isn't one of the allowed, or what is never right at any level."""
    for line in evidence.log:
        complaint = line.level.lower() in COMPLAINTS and not any(text in line.text for text in ALLOWED)
        if complaint or NEVER.search(line.text):
            yield f"{line.source}: {line.level}: {line.text[:AT_MOST]}"


def enough_happened(evidence: Evidence, minimums: Mapping[str, int]) -> Iterator[str]:
    """Every fault was hit, and every outcome came about, as often as was asked for."""
    counted = counts(evidence)
    for name, least in minimums.items():
        if counted[name] < least:
            yield f"{name}: {counted[name]}, and at least {least} are required"


def counts(evidence: Evidence) -> Counter[str]:
    """Return how often each fault was hit, each outcome came about, and each of the books' answers was given."""
    counted = Counter(hit.fault for hit in evidence.hits)
    counted.update(row.status for row in evidence.orders)
    counted.update(call.outcome for call in (*evidence.provider_calls, *evidence.carrier_calls))
    counted["needs_attention"] = sum(dossier.parked for dossier in dossiers(evidence))
    counted["asked"], counted["snapshots"] = len(evidence.asked), len(evidence.snapshots)
    return counted
