"""I14, I16 and I17: no personal data in the evidence, no error in the logs, and a run that did enough."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.faults.evidence.dossier import dossiers
from tests.faults.evidence.evidence import Evidence, as_json

# Errors that the logs may contain, and why.
ALLOWED = (
    "needs attention",  # an alert to the operators
    "the alert for a parked effect could not be sent",  # the notifier was down during all attempts
    "an event can't be published",  # a poison event, which was dead-lettered
)
NEVER = re.compile(r"never awaited|never retrieved|panicked|nondetermin|segmentation fault", re.IGNORECASE)
ERROR_LEVELS = {"error", "critical", "fatal"}
AT_MOST = 300


def no_canary_appears(evidence: Evidence) -> Iterator[str]:
    """No personal word of a customer appears in an id, reason, cause, summary or log line."""
    text = as_json(replace(evidence, canaries=())).decode()
    for word in evidence.canaries:
        if word in text:
            place = text.index(word)
            yield f"{word} appears in the evidence: …{text[max(0, place - 60) : place + 60]}…"


def no_error_is_logged(evidence: Evidence) -> Iterator[str]:
    """No process logged an error outside ALLOWED, or a text that is wrong at any level."""
    for line in evidence.log:
        is_error = line.level.lower() in ERROR_LEVELS and not any(text in line.text for text in ALLOWED)
        if is_error or NEVER.search(line.text):
            yield f"{line.source}: {line.level}: {line.text[:AT_MOST]}"


def enough_happened(evidence: Evidence, minimums: Mapping[str, int]) -> Iterator[str]:
    """Every fault and every outcome happened at least as often as required."""
    counted = counts(evidence)
    for name, least in minimums.items():
        if counted[name] < least:
            yield f"{name}: {counted[name]} happened, at least {least} required"


def counts(evidence: Evidence) -> Counter[str]:
    """Return the counts of the faults that hit, of the outcomes, and of the outside parties' answers, by name."""
    counted = Counter(hit.fault for hit in evidence.hits)
    counted.update(row.status for row in evidence.orders)
    counted.update(call.outcome for call in (*evidence.provider_calls, *evidence.carrier_calls))
    counted["needs_attention"] = sum(dossier.parked for dossier in dossiers(evidence))
    counted["asked"], counted["snapshots"] = len(evidence.asked), len(evidence.snapshots)
    return counted
